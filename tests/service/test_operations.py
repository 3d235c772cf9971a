"""The service's own port: health, what is inside, what was refused."""

import json
import socket
import subprocess
import sys
import threading

import httpx
import pytest
from otlp_sink import OtlpSink, otlp_sink, plain
from support.receivers import wait_until
from support.service import LengthPipeline, service
from support.spans import body, chat_attributes, span

from otel_llm.genai.decode import is_genai

PROTOBUF = {"content-type": "application/x-protobuf"}


def test_ready_says_no_while_the_queue_has_no_room_and_live_goes_on(pipeline: LengthPipeline) -> None:
    pipeline.gate.clear()
    settings = {
        "receive": {"max_request_bytes": 500_000, "max_in_flight_bytes": 2_000_000},
        "queue": {"max_bytes": 1 << 20, "max_batch": 1, "max_batch_bytes": 1},
    }
    with service(pipeline, **settings) as at:
        assert httpx.get(f"{at.telemetry}/readyz").json() == {"ready": True, "reason": None}
        status, number = 200, 0
        while status == 200:
            number += 1
            content = body(span(chat_attributes(answer="x" * 4000), span_id=number.to_bytes(8)))
            status = httpx.post(f"{at.http}/v1/traces", content=content, headers=PROTOBUF).status_code
        answer = httpx.get(f"{at.telemetry}/readyz")
        metrics = httpx.get(f"{at.telemetry}/metrics").text
        assert httpx.get(f"{at.telemetry}/livez").status_code == 200
        pipeline.gate.set()
    assert status == 503
    assert answer.status_code == 503
    assert "more do not fit" in answer.json()["reason"]
    assert 'otel_llm_receiver_refusals_total{reason="overload"} 1.0' in metrics


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_live_says_no_once_a_thread_has_died(pipeline: LengthPipeline) -> None:
    with service(pipeline, shutdown_timeout_s=0.5) as at:
        assert httpx.get(f"{at.telemetry}/livez").text == "live\n"
        pipeline.fault = SystemExit()  # no thread catches that: it ends without a word
        httpx.post(f"{at.http}/v1/traces", content=body(span()), headers=PROTOBUF).raise_for_status()
        wait_until(lambda: httpx.get(f"{at.telemetry}/livez").status_code == 503)
        assert httpx.get(f"{at.telemetry}/livez").text == "ended, and must not have: evaluate\n"


def test_debug_shows_queues_evaluators_versions_and_settings_without_secrets_or_content(
    running, sink: OtlpSink
) -> None:
    httpx.post(f"{running.http}/v1/traces", content=body(span()), headers=PROTOBUF).raise_for_status()
    httpx.post(f"{running.http}/v1/traces", content=b"\xff", headers=PROTOBUF)
    sink.wait_for(lambda sink: sink.logs)
    state = httpx.get(f"{running.telemetry}/debug.json").json()
    assert state["Service"]["mode"] == "tap"
    assert state["Queue"]["folder"] == "in memory"
    assert state["Evaluators"] == [{"name": "length", "version": "1", "state": "runs"}]
    assert state["Destinations"][0]["endpoint"] == sink.endpoint
    assert state["Refused since the start"] == {"malformed": 1}
    assert state["Versions"]["grpcio"]
    assert state["Settings"]["queue.max_delay_s"] == 0.01
    assert "llama" not in json.dumps(state)


def test_the_page_escapes_what_it_shows_and_loads_nothing(pipeline: LengthPipeline) -> None:
    hostile = {"endpoint": "http://127.0.0.1:1/<script>alert(1)</script>", "headers": {"Authorization": "secret!"}}
    with service(pipeline, events=hostile) as at:
        answer = httpx.get(f"{at.telemetry}/debug")
    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "<script" not in answer.text
    assert "&lt;script&gt;" in answer.text
    assert "secret!" not in answer.text
    assert "Authorization: not shown" in answer.text


def test_own_traces_show_what_was_queued_and_evaluated_and_link_to_the_calls(pipeline: LengthPipeline) -> None:
    with otlp_sink() as traces:
        with service(pipeline, traces={"endpoint": traces.endpoint}) as at:
            httpx.post(f"{at.http}/v1/traces", content=body(span()), headers=PROTOBUF).raise_for_status()
        own = {each.name: each for _, each in traces.spans}
    assert set(own) == {"queue", "evaluate"}
    assert plain(own["queue"].attributes) == {"otel_llm.signal": "traces", "otel_llm.items": 1}
    assert [link.span_id for link in own["evaluate"].links] == [span().span_id]
    assert not any(is_genai(each.SerializeToString()) for each in own.values())


def test_the_end_does_not_wait_for_own_traces_beyond_its_deadline(
    pipeline: LengthPipeline, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it takes connections, and never answers
        traces = {"endpoint": f"http://127.0.0.1:{silent.getsockname()[1]}"}
        with service(pipeline, traces=traces, shutdown_timeout_s=1) as at:
            httpx.post(f"{at.http}/v1/traces", content=body(span()), headers=PROTOBUF).raise_for_status()
    assert "own spans were not sent before shutdown_timeout_s was over" in caplog.text


def test_a_short_time_for_the_end_is_time_all_the_same(pipeline: LengthPipeline) -> None:
    pipeline.gate.clear()
    with service(pipeline, shutdown_timeout_s=1) as at:
        httpx.post(f"{at.http}/v1/traces", content=body(span()), headers=PROTOBUF).raise_for_status()
        threading.Timer(0.2, pipeline.gate.set).start()
    assert len(pipeline.seen) == 1


def test_work_in_the_background_does_not_hold_up_the_end_of_the_process() -> None:
    program = """
import asyncio, time
from otel_llm.service.background import in_background

async def main():
    assert await in_background("short", lambda: 7) == 7
    try:
        await in_background("fails", lambda: 1 / 0)
    except ZeroDivisionError:
        async with asyncio.timeout(0.1):
            await in_background("long", lambda: time.sleep(60))

asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True, timeout=60)
    assert done.stderr.rstrip().endswith("TimeoutError")
