"""Large requests in parts, for all three signals."""

import time

import pytest
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric, NumberDataPoint, Sum
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from otlp_sink import key_values

from otel_llm.errors import DecodeError
from otel_llm.otlp.requests import request_of
from otel_llm.otlp.signals import SIGNALS
from otel_llm.send.splitting import count_items, split

sizes = st.lists(st.lists(st.lists(st.integers(0, 3000), max_size=8), max_size=4), max_size=4)


SIGNAL_NAMES = st.sampled_from(sorted(SIGNALS))


def item(signal: str, name: str, size: int) -> Message:
    """A span, a log record or a metric of about that many bytes."""
    match signal:
        case "traces":
            return Span(name=name + "x" * size)
        case "logs":
            return LogRecord(event_name=name, body=AnyValue(string_value="x" * size))
        case _:
            points = [NumberDataPoint(as_int=number) for number in range(size // 100)]
            return Metric(name=name, description="x" * size, sum=Sum(data_points=points, is_monotonic=True))


def request(signal: str, resources: list[list[list[int]]]) -> bytes:
    """An export with items of these sizes, by resource and scope."""
    facts = SIGNALS[signal]
    export = facts.request()
    of_resources, of_scopes, of_items = facts.levels
    for r, scopes in enumerate(resources):
        attributes = key_values({"service.name": f"service {r}"})
        resource = getattr(export, of_resources).add(schema_url="resource schema")
        resource.resource.attributes.extend(attributes)
        for s, sizes in enumerate(scopes):
            scope = getattr(resource, of_scopes).add(schema_url="scope schema")
            scope.scope.name = f"scope {s}"
            getattr(scope, of_items).extend(item(signal, f"{r}.{s}.{i} ", size) for i, size in enumerate(sizes))
    return export.SerializeToString()


def items(signal: str, body: bytes) -> list[tuple[bytes, str, str, str, bytes]]:
    """Each item with all that stands around it."""
    facts = SIGNALS[signal]
    of_resources, of_scopes, of_items = facts.levels
    return [
        (
            resource.resource.SerializeToString(),
            resource.schema_url,
            scope.scope.name,
            scope.schema_url,
            each.SerializeToString(),
        )
        for resource in getattr(facts.request.FromString(body), of_resources)
        for scope in getattr(resource, of_scopes)
        for each in getattr(scope, of_items)
    ]


@given(SIGNAL_NAMES, sizes, st.integers(1024, 5000))
@settings(deadline=None)
def test_no_item_is_lost_repeated_or_moved_and_every_part_fits_unless_its_only_item_does_not(
    signal: str, resources: list[list[list[int]]], max_bytes: int
) -> None:
    body = request(signal, resources)
    parts = list(split(signal, body, max_bytes))
    assert [each for part in parts for each in items(signal, part)] == items(signal, body)
    assert all(len(part) <= max_bytes or len(items(signal, part)) == 1 for part in parts)
    assert all(items(signal, part) for part in parts)


def test_a_resource_that_leaves_no_room_is_not_repeated_for_each_item() -> None:
    resources = [[[0, 0]], [[0] * 1000, [0]], [[0]]]
    export = SIGNALS["traces"].request.FromString(request("traces", resources))
    export.resource_spans[1].resource.attributes.extend(key_values({"note": "x" * 3000}))
    body = export.SerializeToString()
    parts = list(split("traces", body, 4096))
    assert [each for part in parts for each in items("traces", part)] == items("traces", body)
    assert [count_items("traces", part) for part in parts] == [2, 1000, 1, 1]


def test_the_work_grows_with_the_request_however_many_scopes_it_has() -> None:
    def seconds(scopes: int) -> float:
        body = request("traces", [[[10]] * scopes])
        started_s = time.process_time()
        assert sum(count_items("traces", part) for part in split("traces", body, 4096)) == scopes
        return time.process_time() - started_s

    seconds(100)
    assert seconds(8000) < 40 * max(0.005, seconds(500))  # 256 times, were it quadratic


@given(SIGNAL_NAMES, sizes, st.integers(1024, 5000))
@settings(deadline=None)
def test_what_is_in_the_parts_adds_up(signal: str, resources: list[list[list[int]]], max_bytes: int) -> None:
    counts = [
        1 if signal != "metrics" else size // 100 for scopes in resources for sizes in scopes for size in sizes
    ]
    body = request(signal, resources)
    assert count_items(signal, body) == sum(counts)
    assert sum(count_items(signal, part) for part in split(signal, body, max_bytes)) == sum(counts)


def test_a_metric_that_is_none_counts_as_one() -> None:
    assert count_items("metrics", request_of(b"", b"\xff\xff")) == 1


@pytest.mark.parametrize("signal", SIGNALS)
def test_what_is_no_request_is_neither_split_nor_counted(signal: str) -> None:
    for use in (lambda: list(split(signal, b"\xff\xff", 1024)), lambda: count_items(signal, b"\xff\xff")):
        with pytest.raises(DecodeError, match="the body is no Export"):
            use()


def test_parts_are_filled() -> None:
    body = request("traces", [[[100] * 100]])
    assert 3 <= len(list(split("traces", body, len(body) // 3))) <= 5
