"""Inline: what the service takes goes on to the next receiver."""

import httpx
import pytest
from otlp_sink import OtlpSink, plain
from support.otlp import data_points, log_records, logs, metrics
from support.receivers import wait_until
from support.service import LengthPipeline, service
from support.spans import body, chat_attributes, span

from otel_llm.errors import ConfigError
from otel_llm.ports import free_port
from otel_llm.service.flow.request_reader import RequestReader
from otel_llm.service.running import Service

PROTOBUF = {"content-type": "application/x-protobuf"}
HTTP_SPAN = span({"http.request.method": "GET"}, span_id=b"GET cart", name="GET /cart")


def send(at: Service, content: bytes, signal: str = "traces") -> None:
    httpx.post(f"{at.http}/v1/{signal}", content=content, headers=PROTOBUF).raise_for_status()


def inline(pipeline: LengthPipeline, sink: OtlpSink, **settings: object):
    forward = {"endpoint": sink.endpoint, "batch_delay_s": 0}
    return service(pipeline, queue={"max_delay_s": 0}, forward=forward, **settings)


def page(at: Service) -> str:
    return httpx.get(f"{at.telemetry}/metrics").text


def test_every_span_goes_on_and_calls_have_labels_and_scores(pipeline: LengthPipeline, sink: OtlpSink) -> None:
    with inline(pipeline, sink) as at:
        send(at, body(span(chat_attributes(answer="x" * 60)), HTTP_SPAN))
        spans = {each.span_id: each for _, each in sink.wait_for(lambda sink: sink.spans[1:] and sink.spans)}
    assert spans[HTTP_SPAN.span_id] == HTTP_SPAN
    attributes = plain(spans[span().span_id].attributes)
    assert attributes["otel_llm.evaluation.length.output.label"] == "fail"
    assert attributes["otel_llm.evaluation.length.output.score"] == 0.6
    assert attributes["gen_ai.request.model"] == "gpt-4o"


def test_logs_and_metrics_go_on_as_they_are(pipeline: LengthPipeline, sink: OtlpSink) -> None:
    with inline(pipeline, sink) as at:
        send(at, logs(log_records(2, "said")), "logs")
        send(at, metrics(data_points(3)), "metrics")
        sink.wait_for(lambda sink: len(sink.logs) == 2 and sink.metrics)
    assert [record.body.string_value for _, record in sink.logs] == ["said", "said"]
    assert [len(metric.gauge.data_points) for _, metric in sink.metrics] == [3]


def test_a_slow_evaluation_holds_nothing_up(pipeline: LengthPipeline, sink: OtlpSink) -> None:
    pipeline.gate.clear()
    with inline(pipeline, sink, inline={"max_wait_s": 0.1}) as at:
        send(at, body(span()))
        ((_, passed),) = sink.wait_for(lambda sink: sink.spans)
        assert passed == span()
        assert "otel_llm_inline_late_total 1.0" in page(at)
        pipeline.gate.set()
    assert [call.span_id for call in pipeline.seen] == [span().span_id.hex()]


def test_calls_that_the_evaluators_have_no_room_for_go_on_without_results(
    pipeline: LengthPipeline, sink: OtlpSink
) -> None:
    pipeline.gate.clear()
    queue = {"max_delay_s": 0, "max_batch": 1, "max_batch_bytes": 1}
    with service(pipeline, queue=queue, forward={"endpoint": sink.endpoint, "batch_delay_s": 0}) as at:
        send(at, body(span()))
        assert pipeline.waiting.wait(20)
        other = span(span_id=b"no room!")
        send(at, body(other))
        ((_, passed),) = sink.wait_for(lambda sink: sink.spans)
        assert passed == other
        assert "otel_llm_evaluations_skipped_total 1.0" in page(at)
        pipeline.gate.set()


def test_evaluators_that_fail_leave_spans_as_they_are_but_for_the_label(
    pipeline: LengthPipeline, sink: OtlpSink
) -> None:
    pipeline.fault = RuntimeError("out of memory")
    with inline(pipeline, sink) as at:
        send(at, body(span()))
        ((_, passed),) = sink.wait_for(lambda sink: sink.spans)
    attributes = plain(passed.attributes)
    assert attributes["otel_llm.evaluation.length.output.label"] == "error"
    assert attributes["gen_ai.input.messages"] == plain(span().attributes)["gen_ai.input.messages"]


@pytest.mark.parametrize("late", [False, True])
def test_personal_data_is_masked_however_late_the_results_are(
    pipeline: LengthPipeline, sink: OtlpSink, late: bool
) -> None:
    if late:
        pipeline.gate.clear()
    with inline(pipeline, sink, inline={"content": "mask", "max_wait_s": 0.1 if late else 20}) as at:
        send(at, body(span(chat_attributes("Write to jane.doe@corp.org"))))
        ((_, passed),) = sink.wait_for(lambda sink: sink.spans)
        pipeline.gate.set()
    messages = plain(passed.attributes)["gen_ai.input.messages"]
    assert "jane.doe" not in messages
    assert "[EMAIL_ADDRESS]" in messages
    assert pipeline.seen[0].input_text == "Write to jane.doe@corp.org"


def test_content_is_stripped_after_it_was_evaluated(pipeline: LengthPipeline, sink: OtlpSink) -> None:
    with inline(pipeline, sink, inline={"content": "strip"}) as at:
        send(at, body(span(chat_attributes(answer="x" * 60))))
        send(at, logs(log_records(1, "said")), "logs")
        ((_, passed),) = sink.wait_for(lambda sink: sink.logs and sink.spans)
    attributes = plain(passed.attributes)
    assert attributes["otel_llm.evaluation.length.output.score"] == 0.6
    assert "gen_ai.output.messages" not in attributes
    assert sink.logs[0][1].body.string_value == ""


def test_a_span_that_cannot_be_read_goes_on_and_becomes_a_dead_letter(
    pipeline: LengthPipeline, sink: OtlpSink
) -> None:
    bad = span(span_id=b"bad id")
    with inline(pipeline, sink) as at:
        send(at, body(bad, span()))
        passed = {each.span_id: each for _, each in sink.wait_for(lambda sink: sink.spans[1:] and sink.spans)}
        assert passed[b"bad id"] == bad
        assert 'otel_llm_dead_letters_total{stage="decode"} 1.0' in page(at)
    assert [call.span_id for call in pipeline.seen] == [span().span_id.hex()]


def test_while_the_next_receiver_is_down_requests_wait(pipeline: LengthPipeline) -> None:
    forward = {"endpoint": f"http://127.0.0.1:{free_port()}", "retry": {"initial_s": 0.05, "max_s": 0.05}}
    with service(pipeline, forward=forward, shutdown_timeout_s=0.5) as at:
        send(at, body(span()))
        assert pipeline.waiting.wait(20)
        text = page(at)
    assert 'otelcol_exporter_queue_size{exporter="forward"}' in text
    assert "otel_llm_queue_requests 1.0" in text


def test_masking_without_its_evaluators_is_said_at_the_start(
    pipeline: LengthPipeline, sink: OtlpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lacks() -> None:
        raise ConfigError("inline.content: mask needs pii")

    monkeypatch.setattr("otel_llm.service.assembly.masker", lacks)
    with pytest.raises(ConfigError, match="needs pii"), inline(pipeline, sink, inline={"content": "mask"}):
        raise AssertionError("the service must not come up")


@pytest.mark.parametrize(("content", "passes"), [("keep", True), ("strip", False)])
def test_a_fault_in_rewriting_passes_spans_untouched_or_not_at_all(
    pipeline: LengthPipeline, sink: OtlpSink, monkeypatch: pytest.MonkeyPatch, content: str, passes: bool
) -> None:
    def fails(*_: object) -> bytes:
        raise RuntimeError("a bug")

    monkeypatch.setattr("otel_llm.service.flow.forward.rebuild", fails)
    with inline(pipeline, sink, inline={"content": content}) as at:
        send(at, body(span()))
        wait_until(lambda: "otel_llm_queue_requests 0.0" in page(at))
        assert ('otel_llm_dead_letters_total{stage="forward"} 0.0' in page(at)) == passes
    assert [each for _, each in sink.spans] == ([span()] if passes else [])


def test_a_fault_with_one_request_costs_its_evaluation_alone(
    pipeline: LengthPipeline, sink: OtlpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = RequestReader.spans

    def fails_once(self: RequestReader, *arguments: object, **options: bool) -> object:
        monkeypatch.setattr(RequestReader, "spans", original)
        raise RuntimeError("a bug")

    with inline(pipeline, sink) as at:
        monkeypatch.setattr(RequestReader, "spans", fails_once)
        send(at, body(span()))
        wait_until(lambda: 'otel_llm_dead_letters_total{stage="evaluate"} 1.0' in page(at))
        send(at, body(span(span_id=b"the next")))
        sink.wait_for(lambda sink: len(sink.spans) == 2)
        wait_until(lambda: "otel_llm_queue_requests 0.0" in page(at))
    assert span() in [each for _, each in sink.spans]
    assert [call.span_id for call in pipeline.seen] == [b"the next".hex()]


def test_with_the_events_destination_down_all_goes_on(pipeline: LengthPipeline, sink: OtlpSink) -> None:
    nowhere = {"endpoint": f"http://127.0.0.1:{free_port()}", "queue_bytes": 4_000, "batch_delay_s": 0}
    with inline(pipeline, sink, events=nowhere, shutdown_timeout_s=1) as at:
        for number in range(1, 61):
            send(at, body(span(span_id=number.to_bytes(8))))
        sink.wait_for(lambda sink: len(sink.spans) == 60)
        assert len(pipeline.seen) < 60
        assert "otel_llm_evaluations_skipped_total 0.0" not in page(at)
