"""Content that is not what its dialect says: a DecodeError at most, which names the attribute."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from otlp_sink import any_value, key_values
from support.captured import NAMES, body_of
from support.spans import SPAN_ID, TRACE_ID, span

from otel_llm.errors import DecodeError
from otel_llm.genai.call import Call
from otel_llm.genai.content_events import ContentEvent, read_content_events
from otel_llm.genai.decode import read_span
from otel_llm.genai.dialects import DIALECTS
from otel_llm.otlp.attributes import Attributes
from otel_llm.otlp.requests import read_spans
from otel_llm.otlp.span import parse_log_record, parse_span

CALLS: dict[str, dict[str, Any]] = {
    "genai": {"gen_ai.operation.name": "chat"},
    "genai_legacy": {"gen_ai.system": "openai", "gen_ai.request.model": "m"},
    "openllmetry": {"llm.request.type": "chat"},
    "openinference": {"openinference.span.kind": "LLM"},
    "vercel": {"ai.operationId": "ai.generateText.doGenerate"},
    "litellm": {"litellm.call_id": "1", "gen_ai.operation.name": "chat"},
}
CONTEXTS: dict[str, dict[str, Any]] = {
    "genai": {"gen_ai.operation.name": "execute_tool"},
    "openllmetry": {"traceloop.span.kind": "tool"},
    "openinference": {"openinference.span.kind": "RETRIEVER"},
    "vercel": {"ai.operationId": "ai.toolCall"},
}

_scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text(max_size=8)
_keys = st.sampled_from(
    ["role", "content", "parts", "type", "text", "tool_calls", "function", "name", "message", "value", "output"]
)
_content = st.recursive(
    _scalars | st.sampled_from(["user", "tool", "text", "tool_call", "tool-result", "reasoning"]),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(_keys, children, max_size=4),
    max_leaves=12,
)
_values = _content | _content.map(json.dumps) | st.text(max_size=12)


def names_of(dialect: str) -> list[str]:
    [found] = [each for each in DIALECTS if each.name == dialect]
    names = {name for field in type(found.fields).__slots__ for name in getattr(found.fields, field)}
    names |= set(found.context)
    return sorted(name.replace("*", "name").replace(".N.", f".{number}.") for name in names for number in (0, 3))


def test_every_dialect_is_tried() -> None:
    assert {dialect.name for dialect in DIALECTS} == CALLS.keys()


@pytest.mark.parametrize("dialect", CALLS)
@given(st.data())
def test_arbitrary_content_is_read_or_refused(dialect: str, data: st.DataObject) -> None:
    attributes = data.draw(st.dictionaries(st.sampled_from(names_of(dialect)), _values, max_size=6))
    event = Span.Event(name="gen_ai.content.prompt", attributes=key_values({"gen_ai.prompt": data.draw(_values)}))
    bases = [base for table in (CALLS, CONTEXTS) if (base := table.get(dialect))]
    serialized = span(attributes | data.draw(st.sampled_from(bases)), events=[event]).SerializeToString()
    read = read_or_refused(serialized)
    if isinstance(read, str):
        assert f"span {SPAN_ID} of trace {TRACE_ID}: " in read
    elif isinstance(read, Call):
        json.dumps([read.input_text, read.output_text, read.system, *read.documents]).encode()
        assert all(isinstance(part.text, str) for message in (*read.input, *read.output) for part in message.parts)
    else:
        assert all(document.strip() for document in read)


def read_or_refused(data: bytes) -> Call | tuple[str, ...] | str:
    """Return the call or the documents of a span, or why it is refused."""
    try:
        outline = read_span(data)
        if outline.kind == "call":
            return outline.call("shop")
        return outline.documents() if outline.kind == "context" else ()
    except DecodeError as error:
        return str(error)


@given(
    st.sampled_from(
        [
            "gen_ai.user.message",
            "gen_ai.choice",
            "gen_ai.tool.message",
            "gen_ai.client.inference.operation.details",
        ]
    ),
    _values,
    _values,
)
def test_arbitrary_events_are_read_or_refused(name: str, body: object, messages: object) -> None:
    record = LogRecord(
        trace_id=bytes.fromhex(TRACE_ID),
        span_id=bytes.fromhex(SPAN_ID),
        event_name=name,
        body=any_value(body),
        attributes=key_values({"gen_ai.input.messages": messages}),
    ).SerializeToString()
    scope = _field(2, record)
    events, reasons = read_content_events(_field(1, _field(2, scope)))
    assert len(events) + len(reasons) <= 1
    assert all(isinstance(event, ContentEvent) for event in events)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40)
@given(data=st.data())
def test_a_real_span_that_was_damaged_is_read_or_refused(name: str, data: st.DataObject) -> None:
    spans = [each for _, all_spans in read_spans(body_of(name, "traces")) for each in all_spans]
    damaged = bytearray(data.draw(st.sampled_from(spans)))
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    assert read_or_refused(bytes(damaged)) != ""


@pytest.mark.parametrize(
    ("attributes", "attribute", "reason"),
    [
        ({"llm.request.type": "chat", "gen_ai.input.messages": "[null, {}]"}, "gen_ai.input.messages", "message"),
        (
            {
                "ai.operationId": "ai.streamText.doStream",
                "ai.prompt.messages": '[{"role": "user", "content": [[]]}]',
            },
            "ai.prompt.messages",
            "part",
        ),
        (
            {"ai.operationId": "ai.streamText.doStream", "ai.response.toolCalls": "[3]"},
            "ai.response.toolCalls",
            "part",
        ),
        ({"gen_ai.system": "x", "gen_ai.request.model": "m", "gen_ai.prompt": '[{"a'}, "gen_ai.prompt", "cut"),
        (
            {"llm.request.type": "chat", "gen_ai.completion.0.content": '[{"type": "text", "text": "cu'},
            "gen_ai.completion.N.content",
            "cut",
        ),
    ],
)
def test_the_attribute_that_is_malformed_is_named(attributes: dict[str, Any], attribute: str, reason: str) -> None:
    read = read_span(span(attributes).SerializeToString()).call("shop")
    assert [(problem.attribute, problem.reason) for problem in read.problems] == [(attribute, reason)]


def test_bytes_that_are_no_value_name_their_attribute() -> None:
    attributes = Attributes({"role": b"\xff"}, "gen_ai.prompt.0.")
    with pytest.raises(DecodeError, match=r"gen_ai\.prompt\.0\.role is no AnyValue"):
        attributes.text("role")
    whole = Attributes({"gen_ai.prompt.7.role": b"\xff"})
    with pytest.raises(DecodeError, match=r"gen_ai\.prompt\.7\.role is no AnyValue"):
        whole.indexed("gen_ai.prompt")[0].text("role")


@pytest.mark.parametrize("parse", [parse_span, parse_log_record, read_span])
def test_bytes_that_are_no_message_are_refused(parse: Any) -> None:
    with pytest.raises(DecodeError, match=r"the bytes are no (Span|LogRecord)"):
        parse(b"\x0a\xff")


def _field(number: int, data: bytes) -> bytes:
    length, size = len(data), bytearray()
    while length > 0x7F:
        size.append(length & 0x7F | 0x80)
        length >>= 7
    return bytes([number << 3 | 2, *size, length]) + data
