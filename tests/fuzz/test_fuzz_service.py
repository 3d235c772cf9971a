"""The whole service under mutated requests: what is good in between is evaluated, and nothing stays behind."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fuzzing import EXAMPLES, bodies, fuzzing, mutated_bytes
from hypothesis import given, settings
from hypothesis import strategies as st
from support.receivers import PROTOBUF, MemorySink, receivers, wait_until
from support.service import LengthPipeline, service
from support.spans import body, chat_attributes, span

from otel_llm.queue.durable import DurableQueue
from otel_llm.service.running import Service

NUMBERS = itertools.count(1)
MARKER = body(span(chat_attributes(question="otel_llm.evaluation.id")))


@pytest.fixture(scope="module", params=["keep", "mask", "strip"])
def served(request: pytest.FixtureRequest) -> Iterator[tuple[Service, LengthPipeline, MemorySink]]:
    """The service inline, and a receiver behind it that takes whatever comes."""
    pipeline = LengthPipeline()
    fast = {"batch_delay_s": 0.001}
    with (
        receivers(MemorySink(checks_ids=False)) as behind,
        service(
            pipeline,
            forward={"endpoint": behind.http, **fast},
            events={"endpoint": behind.http, **fast},
            inline={"content": request.param, "max_wait_s": 5},
            joins={"wait_s": 0.01},
            queue={"max_delay_s": 0.001},
        ) as running,
    ):
        yield running, pipeline, behind.sink


def pending(at: Service) -> float:
    lines = httpx.get(f"{at.telemetry}/metrics").text.splitlines()
    return next(float(line.split()[-1]) for line in lines if line.startswith("otel_llm_queue_requests "))


@given(data=st.data())
@settings(fuzzing, max_examples=max(10, EXAMPLES // 15), deadline=20_000)
def test_good_spans_are_evaluated_between_bad_ones(served: Any, data: st.DataObject) -> None:
    at, pipeline, behind = served
    signal = data.draw(st.sampled_from(["traces", "traces", "logs"]))
    bad = data.draw(
        mutated_bytes((*bodies(signal), MARKER)) | st.just(MARKER.replace(b"chat gpt", b"chat\xff\xfe\xfd\xfc"))
    )
    trace_id, span_id = next(NUMBERS).to_bytes(16, "big"), b"good-one"
    good = body(span(trace_id=trace_id, span_id=span_id))

    answer = httpx.post(f"{at.http}/v1/{signal}", content=bad, headers=PROTOBUF)
    httpx.post(f"{at.http}/v1/traces", content=good, headers=PROTOBUF).raise_for_status()
    wait_until(lambda: pending(at) == 0)

    assert answer.status_code in {200, 400}
    assert [call.span_id for call in pipeline.seen if call.trace_id == trace_id.hex()] == [span_id.hex()]
    assert any(trace_id in request.body for request in behind.requests if request.signal == "traces")
    assert any(trace_id in request.body for request in behind.requests if request.signal == "logs")
    assert httpx.get(f"{at.telemetry}/healthz").status_code == 200
    pipeline.seen.clear()
    behind.requests.clear()


def test_what_another_version_was_done_with_does_not_stop_the_start(tmp_path: Path) -> None:
    queue = DurableQueue(tmp_path, max_bytes=1 << 20, fsync="never")
    queue.append(b"\xee of another version").result(60)
    assert queue.take(10)
    queue.settle([0])
    queue.close()
    pipeline = LengthPipeline()
    with service(pipeline, queue={"folder": tmp_path}) as at:
        httpx.post(f"{at.http}/v1/traces", content=body(span()), headers=PROTOBUF).raise_for_status()
        wait_until(lambda: pipeline.seen)
