"""Malformed spans, resources and bodies: what is rejected, and that nothing else is."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans
from support.decoding import decode
from support.spans import body, chat_attributes, request, span

from otel_llm.errors import DecodeError


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"trace_id": b"short"}, "trace_id must be 16 bytes, not all zero, got '73686f7274'"),
        ({"span_id": bytes(8)}, "span_id must be 8 bytes, not all zero, got '0000000000000000'"),
    ],
)
def test_a_malformed_span_costs_only_itself(changed: dict[str, object], reason: str) -> None:
    fields = {name: value for name, value in changed.items() if "." not in name}
    attributes = chat_attributes() | {name: value for name, value in changed.items() if "." in name}
    decoded = decode(body(span(), span(attributes, **fields), span()))
    assert len(decoded.calls) == 2
    [rejected] = decoded.rejected
    assert reason in rejected


def test_a_span_that_is_no_protobuf_costs_only_itself() -> None:
    good = span().SerializeToString()
    bad = good[:-40]  # ends inside an attribute
    scope = b"".join(b"\x12" + _varint(len(data)) + data for data in (good, bad, good))
    resource = b"\x12" + _varint(len(scope)) + scope
    decoded = decode(b"\x0a" + _varint(len(resource)) + resource)
    assert (len(decoded.calls), len(decoded.rejected), decoded.spans) == (2, 1, 3)


def test_a_malformed_resource_rejects_its_genai_spans_alone() -> None:
    data = ExportTraceServiceRequest(
        resource_spans=[
            ResourceSpans(scope_spans=[ScopeSpans(spans=[span(), span({"http.route": "/"})])]),
            request(span()).resource_spans[0],
        ]
    ).SerializeToString()
    length = len(ExportTraceServiceRequest.FromString(data).resource_spans[0].SerializeToString())
    # the first resource, absent so far, becomes one byte that is no protobuf
    head = 1 + len(_varint(length))
    spoilt = b"\x0a" + _varint(length + 3) + b"\x0a\x01\xff" + data[head:]
    decoded = decode(spoilt)
    assert (len(decoded.calls), len(decoded.rejected), decoded.spans) == (1, 1, 3)
    assert "its resource is malformed" in decoded.rejected[0]


def test_a_body_that_is_no_trace_export_is_refused() -> None:
    with pytest.raises(DecodeError, match="the body is no ExportTraceServiceRequest"):
        decode(b"\x0a\xff gen_ai.")


@given(st.binary(max_size=300))
def test_arbitrary_bytes_decode_or_are_refused(data: bytes) -> None:
    try:
        decoded = decode(data + b"gen_ai.")
    except DecodeError:
        return
    assert decoded.spans >= len(decoded.calls) + len(decoded.rejected)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=10,
)
_parts = st.lists(
    st.fixed_dictionaries({"type": st.sampled_from(["text", "tool_call", "tool_call_response", "uri"])})
    | st.fixed_dictionaries({"type": st.just("text"), "content": st.text()})
    | st.fixed_dictionaries({"type": st.just("tool_call_response"), "response": _json})
    | _json,
    max_size=3,
)
_messages = st.lists(st.fixed_dictionaries({"role": st.just("user") | _json, "parts": _parts | _json}), max_size=3)


@given(_messages | _json, st.booleans())
def test_arbitrary_content_makes_a_call_or_a_rejection(content: object, structured: bool) -> None:
    if structured and not _fits_otlp(content):
        return
    value = content if structured else json.dumps(content, default=repr)
    decoded = decode(body(span(chat_attributes() | {"gen_ai.input.messages": value})))
    assert len(decoded.calls) + len(decoded.rejected) == 1
    for call in decoded.calls:
        call.input_text.encode()


def _fits_otlp(value: object) -> bool:
    match value:
        case bool() | None | float() | bytes():
            return True
        case int():
            return -(2**63) <= value < 2**63
        case str():
            return value.isascii()
        case list():
            return all(_fits_otlp(item) for item in value)
        case dict():
            return all(_fits_otlp(key) and _fits_otlp(item) for key, item in value.items())
    return False


def _varint(number: int) -> bytes:
    data = bytearray()
    while number > 0x7F:
        data.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*data, number])
