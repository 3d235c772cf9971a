"""A queue folder that version 0.1.0 wrote is read: see written_by_0_1_0/README.md."""

import shutil
from pathlib import Path

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from support.receivers import wait_until
from support.service import LengthPipeline, service

from otel_llm.otlp.queued import QueuedRequest, unpack
from otel_llm.queue.durable import DurableQueue

WRITTEN = Path(__file__).parent / "written_by_0_1_0"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copy = tmp_path / "queue"
    shutil.copytree(WRITTEN, copy, ignore=shutil.ignore_patterns("README.md"))
    return copy


def span_number(request: QueuedRequest) -> int:
    parsed = ExportTraceServiceRequest.FromString(request.body)
    return int.from_bytes(parsed.resource_spans[0].scope_spans[0].spans[0].span_id)


def test_its_records_come_with_all_that_was_said_of_them(folder: Path) -> None:
    queue = DurableQueue(folder, max_bytes=1 << 20)
    [done] = map(unpack, queue.recent())
    assert (done.signal, done.items, done.tenant, done.replayed) == ("traces", 1, "", False)
    assert span_number(done) == 1
    records = sorted(queue.take(5) for _ in range(3))
    requests = [unpack(record.payload) for record in records]
    assert [(record.sequence, record.attempts, record.lane) for record in records] == [
        (1, 1, "team-ä"), (2, 0, ""), (3, 0, ""),
    ]  # fmt: skip
    assert [(each.signal, each.items, each.tenant, each.replayed) for each in requests] == [
        ("traces", 1, "team-ä", False), ("traces", 1, "", True), ("logs", 1, "", False),
    ]  # fmt: skip
    assert [span_number(each) for each in requests[:2]] == [2, 3]
    logs = ExportLogsServiceRequest.FromString(requests[2].body)
    assert logs.resource_logs[0].scope_logs[0].log_records[0].body.string_value == "said"
    queue.settle(record.sequence for record in records)
    assert queue.pending == 0
    queue.close()


def test_the_service_does_what_was_left_in_it(folder: Path) -> None:
    pipeline = LengthPipeline()
    with service(pipeline, queue={"folder": str(folder), "max_delay_s": 0}):
        wait_until(lambda: len(pipeline.seen) == 2)
    assert sorted((int(call.span_id, 16), call.service, call.output_text) for call in pipeline.seen) == [
        (2, "shop", "answer 2"), (3, "shop", "answer 3"),
    ]  # fmt: skip
    queue = DurableQueue(folder, max_bytes=64 << 20)
    assert queue.pending == 0
    queue.close()
