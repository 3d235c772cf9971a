import asyncio
import json
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager

import httpx
import pytest
from otlp_sink import OtlpSink, otlp_sink, plain
from support.service import LengthPipeline, service
from support.spans import body, chat_attributes, span

from otel_llm.config.service import ServiceSettings
from otel_llm.errors import PortTakenError
from otel_llm.evaluate.run.pipeline import Pipeline
from otel_llm.ports import bind
from otel_llm.service.assembly import running
from otel_llm.service.running import Service

PROTOBUF = {"content-type": "application/x-protobuf"}


def send(at: Service, *spans: object) -> None:
    httpx.post(f"{at.http}/v1/traces", content=body(*spans), headers=PROTOBUF).raise_for_status()


@contextmanager
def feed(at: Service) -> Iterator[Iterator[str]]:
    with httpx.stream("GET", f"{at.telemetry}/debug/calls", timeout=20) as response:
        assert response.headers["content-type"] == "application/x-ndjson"
        yield response.iter_lines()


def test_one_call_is_an_event_a_metric_and_a_line_of_the_feed(running: Service, sink: OtlpSink) -> None:
    with feed(running) as lines:
        send(running, span(chat_attributes(answer="x" * 60)))
        line = json.loads(next(lines))
    [(_, record)] = sink.wait_for(lambda sink: sink.logs)
    metrics = httpx.get(f"{running.telemetry}/metrics").text

    attributes = plain(record.attributes)
    assert record.event_name == "gen_ai.evaluation.result"
    assert (record.trace_id.hex(), record.span_id.hex()) == (line["trace_id"], line["span_id"])
    assert attributes["gen_ai.evaluation.score.value"] == line["results"][0]["score"] == 0.6
    assert attributes["gen_ai.evaluation.score.label"] == line["results"][0]["label"] == "fail"
    assert line["drift"][0]["alarm"] is True
    source = 'gen_ai_provider_name="openai",gen_ai_request_model="gpt-4o",label="fail",service_name="shop"'
    assert f'otel_llm_evaluations_total{{evaluator="length",{source},target="output"}} 1.0' in metrics
    assert 'otel_llm_evaluation_duration_seconds_count{evaluator="length"} 1.0' in metrics
    assert 'otelcol_receiver_accepted_spans_total{receiver="otlp",transport="http"} 1.0' in metrics
    assert "otel_llm_evaluation_oldest_pending_seconds 0.0" in metrics


def test_a_batch_that_fails_gives_results_of_label_error_and_the_next_is_evaluated(
    running: Service, pipeline: LengthPipeline, sink: OtlpSink
) -> None:
    pipeline.fault = RuntimeError("out of memory")
    send(running, span())
    [(_, failed)] = sink.wait_for(lambda sink: sink.logs)
    send(running, span(span_id=b"the next"))
    (_, evaluated) = sink.wait_for(lambda sink: sink.logs[1:])[0]
    assert plain(failed.attributes)["gen_ai.evaluation.score.label"] == "error"
    assert plain(failed.attributes)["error.type"] == "RuntimeError"
    assert plain(evaluated.attributes)["gen_ai.evaluation.score.label"] == "pass"


def test_a_batch_that_fails_leaves_the_drift_of_every_service_in_the_metrics(
    running: Service, pipeline: LengthPipeline, sink: OtlpSink
) -> None:
    send(running, span())
    sink.wait_for(lambda sink: sink.logs)
    pipeline.fault = RuntimeError("out of memory")
    send(running, span(span_id=b"the next"))
    sink.wait_for(lambda sink: sink.logs[1:])
    assert 'otel_llm_drift_alarm{baseline="first-10"' in httpx.get(f"{running.telemetry}/metrics").text


def test_events_carry_no_explanation_where_the_settings_say_so(pipeline: LengthPipeline, sink: OtlpSink) -> None:
    with service(pipeline, events={"endpoint": sink.endpoint, "explanations": False}) as at:
        send(at, span())
    [(_, record)] = sink.logs
    assert "gen_ai.evaluation.explanation" not in plain(record.attributes)


@pytest.mark.parametrize(
    ("setting", "labels"), [({}, ["pass"]), ({"not_applicable": True}, ["not_applicable", "pass"])]
)
def test_what_does_not_apply_is_counted_but_is_no_event_unless_the_settings_say_so(
    setting: dict[str, bool], labels: list[str], pipeline: LengthPipeline, sink: OtlpSink
) -> None:
    with service(pipeline, events={"endpoint": sink.endpoint} | setting) as at:
        send(at, span(chat_attributes(answer="")), span(span_id=b"the next"))
        sink.wait_for(lambda sink: sink.logs)
        metrics = httpx.get(f"{at.telemetry}/metrics").text
    assert [plain(record.attributes)["gen_ai.evaluation.score.label"] for _, record in sink.logs] == labels
    assert [line[-4:] for line in metrics.splitlines() if 'label="not_applicable"' in line] == [" 1.0"]


def test_the_feed_is_off_unless_asked_for(pipeline: LengthPipeline) -> None:
    with service(pipeline) as at:
        response = httpx.get(f"{at.telemetry}/debug/calls")
    assert response.status_code == 404
    assert "--debug-calls" in response.text


def test_a_reader_of_the_feed_sees_its_end_when_the_service_stops(pipeline: LengthPipeline) -> None:
    with service(pipeline, debug_calls=True) as at:
        response = httpx.stream("GET", f"{at.telemetry}/debug/calls", timeout=20)
        lines = response.__enter__().iter_lines()
        send(at, span())
    assert [json.loads(line)["service"] for line in lines] == ["shop"]
    response.__exit__(None, None, None)


def test_health_is_ready_only_once_models_are_loaded_and_receivers_listen(pipeline: LengthPipeline) -> None:
    loading, loaded, ports = threading.Event(), threading.Event(), {}
    with bind("127.0.0.1", 0, "") as sock:
        ports["telemetry_port"] = sock.getsockname()[1]

    def load(_: object) -> LengthPipeline:
        loading.set()
        assert loaded.wait(20)
        return pipeline

    async def run() -> list[int]:
        url = f"http://127.0.0.1:{ports['telemetry_port']}/healthz"
        context = running(ServiceSettings(grpc_port=0, http_port=0, **ports), load)
        async with httpx.AsyncClient() as client:
            starting = asyncio.create_task(context.__aenter__())
            await asyncio.to_thread(loading.wait, 20)
            before = await client.get(url)
            loaded.set()
            await starting
            after = await client.get(url)
        await context.__aexit__(None, None, None)
        return [before.status_code, after.status_code]

    assert asyncio.run(run()) == [503, 200]


@pytest.mark.parametrize("option", ["grpc_port", "http_port", "telemetry_port"])
def test_a_taken_port_is_reported_with_its_option_before_models_load(option: str) -> None:
    def load(_: object) -> Pipeline:
        raise AssertionError("models are not to be loaded")

    async def run(port: int) -> None:
        ports = {"grpc_port": 0, "http_port": 0, "telemetry_port": 0} | {option: port}
        async with running(ServiceSettings(**ports), load):
            raise AssertionError("the service must not come up")

    with bind("127.0.0.1", 0, "") as taken:
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortTakenError, match=f"port {port} .* --{option.replace('_', '-')} "):
            asyncio.run(run(port))


def test_a_model_that_cannot_be_loaded_leaves_nothing_running() -> None:
    async def run() -> None:
        settings = ServiceSettings(grpc_port=0, http_port=0, telemetry_port=0)
        async with running(settings, lambda _: (_ for _ in ()).throw(RuntimeError("no weights"))):
            raise AssertionError("the service must not come up")

    with pytest.raises(RuntimeError, match="no weights"):
        asyncio.run(run())


def test_leaving_drains_what_was_taken(pipeline: LengthPipeline) -> None:
    pipeline.gate.clear()
    with otlp_sink() as sink:
        queue = {"max_batch": 5, "max_delay_s": 0.01}
        with service(pipeline, queue=queue, events={"endpoint": sink.endpoint}) as at:
            spans = [span(span_id=number.to_bytes(8)) for number in range(1, 41)]
            send(at, *spans)
            threading.Timer(0.2, pipeline.gate.set).start()
        assert pipeline.closed_after == 40
        assert {record.span_id for _, record in sink.logs} == {sent.span_id for sent in spans}


def test_a_drain_that_takes_too_long_is_given_up_and_logged(
    pipeline: LengthPipeline, caplog: pytest.LogCaptureFixture
) -> None:
    pipeline.gate.clear()
    with service(pipeline, shutdown_timeout_s=0.1) as at:
        send(at, span(), span(span_id=b"the next"))
    assert "1 requests were not done before shutdown_timeout_s was over: they are lost" in caplog.text
    pipeline.gate.set()


def test_calls_given_up_at_the_end_are_no_failed_ones(
    pipeline: LengthPipeline, sink: OtlpSink, caplog: pytest.LogCaptureFixture
) -> None:
    pipeline.gate.clear()
    pipeline.fault = CancelledError()  # what closing the pipeline raises in the evaluation under way
    with service(pipeline, shutdown_timeout_s=2, events={"endpoint": sink.endpoint}) as at:
        send(at, span())
        assert pipeline.waiting.wait(20)
        pipeline.gate.set()
    assert sink.logs == []
    assert "could not be evaluated" not in caplog.text
