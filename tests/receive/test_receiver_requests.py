import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    ExponentialHistogram,
    Histogram,
    Metric,
    Sum,
    Summary,
)
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans
from support.otlp import RESOURCE, data_points, log_records, logs, metrics
from support.spans import body, span

from otel_llm.errors import DecodeError
from otel_llm.otlp.queued import QueuedRequest, pack, unpack
from otel_llm.otlp.screen import Screened, screen
from otel_llm.otlp.signals import SIGNALS

UNKNOWN = b"\xfa\x07\x03new"
"""Field 127, which no version of OTLP has."""


def screened(signal: str, data: bytes, max_item_bytes: int = 4_000_000, *, checks_ids: bool = True) -> Screened:
    return screen(signal, data, max_item_bytes=max_item_bytes, checks_ids=checks_ids)


@given(
    st.builds(
        QueuedRequest,
        signal=st.sampled_from(list(SIGNALS)),
        body=st.binary(),
        items=st.integers(0, 2**32 - 1),
        tenant=st.text(max_size=150),
        replayed=st.booleans(),
    )
)
def test_a_request_is_unpacked_as_it_was_packed(request: QueuedRequest) -> None:
    assert unpack(pack(request)) == request


@given(st.binary(max_size=40) | st.binary(max_size=40).map(lambda data: b"\2" + data))
def test_bytes_that_are_no_packed_request_are_said_to_be_so(data: bytes) -> None:
    try:
        request = unpack(data)
    except DecodeError as error:
        message = str(error)
    else:
        message = "a queued request" if unpack(pack(request)) == request else "another one"
    assert message.startswith("a queued request")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "must be of version 2, got nothing"),
        (b"\x01", "must be of version 2, got 01"),
        (b"\x02\x00", "is damaged"),
        (b"\x02\x09" + bytes(7), "is damaged"),
        (pack(QueuedRequest(signal="logs", body=b"", items=1, tenant="shop"))[:-1], "is damaged"),
    ],
)
def test_a_packed_request_that_is_damaged_or_newer_is_named(data: bytes, message: str) -> None:
    with pytest.raises(DecodeError, match=message):
        unpack(data)


def test_a_packed_request_is_its_body_and_a_few_bytes() -> None:
    request = QueuedRequest(signal="traces", body=body(span()), items=1, tenant="shop")
    assert len(pack(request)) == len(request.body) + 13


@pytest.mark.parametrize("checks_ids", [True, False])
def test_a_request_without_fault_is_not_copied(checks_ids: bool) -> None:
    data = body(span(), span())
    result = screened("traces", data, checks_ids=checks_ids)
    assert result.body is data
    assert (result.items, result.rejections) == (2, [])


@pytest.mark.parametrize(
    "ids",
    [
        {"trace_id": b""},
        {"trace_id": b"short"},
        {"trace_id": bytes(16)},
        {"span_id": b""},
        {"span_id": bytes(8)},
        {"span_id": b"123456789"},
    ],
)
def test_a_span_with_malformed_ids_costs_only_itself(ids: dict[str, bytes]) -> None:
    result = screened("traces", body(span(**ids), span()))
    assert ExportTraceServiceRequest.FromString(result.body).resource_spans[0].scope_spans[0].spans == [span()]
    assert [each.reason for each in result.rejections] == ["malformed_item"]
    kept = screened("traces", body(span(**ids), span()), checks_ids=False)
    assert (kept.items, kept.rejections) == (2, [])


def test_ids_are_found_wherever_they_are_in_a_span() -> None:
    whole = span().SerializeToString()
    ids, rest = whole[:28], whole[28:]
    assert ids == b"\x0a\x10" + span().trace_id + b"\x12\x08" + span().span_id
    export = b"\x0a" + _length(
        scope := b"\x12" + _length(item := b"\x12" + _length(rest + ids) + rest + ids) + item
    )
    assert screened("traces", export + scope).rejections == []


def _length(data: bytes) -> bytes:
    low, high = len(data) & 0x7F, len(data) >> 7
    return bytes([low | 0x80, high]) if high else bytes([low])


def test_a_span_that_is_no_span_costs_only_itself() -> None:
    export = ExportTraceServiceRequest.FromString(body(span()))
    bad = b"\x0a\xff"  # a field that ends before its length
    scope = export.resource_spans[0].scope_spans[0].SerializeToString() + b"\x12" + _length(bad) + bad
    resource = b"\x12" + _length(scope) + scope
    result = screened("traces", b"\x0a" + _length(resource) + resource)
    assert (result.items, [each.reason for each in result.rejections]) == (1, ["malformed_item"])


def test_what_is_around_a_rejected_span_is_kept_byte_for_byte() -> None:
    large = span({"text": "x" * 5000})
    scope = InstrumentationScope(name="test", version="1")
    export = ExportTraceServiceRequest(
        resource_spans=[
            ResourceSpans(
                resource=RESOURCE,
                scope_spans=[ScopeSpans(scope=scope, spans=[span(), large, span()], schema_url="s")],
                schema_url="r",
            )
        ]
    )
    result = screened("traces", export.SerializeToString() + UNKNOWN, 4096)
    del export.resource_spans[0].scope_spans[0].spans[1]
    assert ExportTraceServiceRequest.FromString(result.body[: -len(UNKNOWN)]) == export
    assert result.body.endswith(UNKNOWN)
    [rejection] = result.rejections
    assert (rejection.reason, rejection.count) == ("too_large_item", 1)
    assert f"a span must be at most 4096 bytes, got {large.ByteSize()}" in rejection.message
    assert "receive.max_span_bytes" in rejection.message


def test_a_log_record_that_is_too_large_costs_only_itself() -> None:
    result = screened("logs", logs(log_records(2), log_records(1, "x" * 5000)), 4096)
    assert ExportLogsServiceRequest.FromString(result.body) == ExportLogsServiceRequest.FromString(
        logs(log_records(2), [])
    )
    assert (result.items, len(result.rejections)) == (2, 1)


def test_metrics_are_counted_in_data_points_of_every_kind() -> None:
    kinds = [
        data_points(2),
        Metric(sum=Sum(data_points=[{}, {}, {}])),
        Metric(histogram=Histogram(data_points=[{}])),
        Metric(exponential_histogram=ExponentialHistogram(data_points=[{}, {}])),
        Metric(summary=Summary(data_points=[{}])),
        Metric(name="none"),
    ]
    assert screened("metrics", metrics(*kinds)).items == 9
    assert sum(rejection.count for rejection in screened("metrics", metrics(*kinds), 0).rejections) == 9


@given(st.binary(max_size=200), st.sampled_from(list(SIGNALS)), st.booleans())
def test_arbitrary_bytes_are_a_request_or_a_decode_error(data: bytes, signal: str, checks_ids: bool) -> None:
    try:
        result = screened(signal, data, 20, checks_ids=checks_ids)
    except DecodeError:
        with pytest.raises(DecodeError):  # nor does it become one by another look
            screened(signal, data, 20, checks_ids=not checks_ids)
    else:
        again = screened(signal, result.body, 20, checks_ids=checks_ids)
        assert (again.items, again.rejections) == (result.items, [])


EMPTY = b"\x12\x00" * 1_000_000


def nested(field: int, data: bytes) -> bytes:
    length, number = [], len(data)
    while number:
        number, digit = number >> 7, number & 127
        length.append(digit | (128 if number else 0))
    return bytes([field << 3 | 2, *length]) + data


@pytest.mark.parametrize(
    "parts",
    [b"\x0a\x00" * 1_000_000, nested(1, EMPTY), nested(1, nested(2, EMPTY))],
    ids=["resources", "scopes", "spans"],
)
def test_millions_of_empty_parts_are_refused_at_once(parts: bytes) -> None:
    started_s = time.process_time()
    with pytest.raises(DecodeError, match="at most 200000 resources, scopes and items"):
        screened("traces", parts)
    assert time.process_time() - started_s < 3


def test_many_malformed_spans_are_one_rejection_of_so_many() -> None:
    [rejection] = screened("traces", body(*[span(span_id=b"")] * 1000)).rejections
    assert (rejection.reason, rejection.count) == ("malformed_item", 1000)


def test_a_metric_of_a_newer_kind_is_passed_on() -> None:
    newer = metrics(Metric.FromString(b"\x0a\x03new\x6a\x02\x0a\x00"))  # field 13, which no schema has
    result = screened("metrics", newer)
    assert (result.items, result.has_items, result.body) == (0, True, newer)
