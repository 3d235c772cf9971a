"""What sampling leaves out is neither queued nor read; all the rest is as without it."""

import httpx
import pytest
from otlp_sink import OtlpSink, plain
from support.receivers import wait_until
from support.service import LengthPipeline, service
from support.spans import body, chat_attributes, span

from otel_llm.service.running import Service

PROTOBUF = {"content-type": "application/x-protobuf"}
HALF = {"sampling": {"default": 0.5}}
IN, OUT = b"\0" * 9 + b"\xff" * 7, b"\xff" * 9 + b"\0" * 7
"""Trace ids: their last seven bytes decide."""
DOCUMENTS = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.call.result": "It is a camelid."}
AT_ONCE = {"queue": {"max_delay_s": 0}}


def send(at: Service, *spans: object) -> None:
    httpx.post(f"{at.http}/v1/traces", content=body(*spans), headers=PROTOBUF).raise_for_status()


def page(at: Service) -> str:
    return httpx.get(f"{at.telemetry}/metrics").text


def call(trace_id: bytes, span_id: bytes, **fields: object) -> object:
    return span(trace_id=trace_id, span_id=span_id, **fields)


def test_calls_of_traces_that_are_left_out_are_not_evaluated_but_those_that_failed(
    pipeline: LengthPipeline,
) -> None:
    with service(pipeline, selection=HALF, **AT_ONCE) as at:
        send(
            at,
            call(OUT, b"left out"),
            call(OUT, b"failed  ", status={"code": 2}),
            span(DOCUMENTS, trace_id=IN, span_id=b"the tool"),
            call(IN, b"taken in"),
        )
        wait_until(lambda: len(pipeline.seen) == 2)
    assert [bytes.fromhex(each.span_id) for each in pipeline.seen] == [b"failed  ", b"taken in"]
    assert pipeline.seen[1].documents == ("It is a camelid.",)


def test_what_is_left_out_takes_no_room_in_the_queue(pipeline: LengthPipeline) -> None:
    pipeline.gate.clear()
    with service(pipeline, selection=HALF, **AT_ONCE) as at:
        send(at, call(OUT, b"left out"))
        assert "otel_llm_queue_requests 0.0" in page(at)
        send(at, call(IN, b"taken in"))
        assert "otel_llm_queue_requests 1.0" in page(at)
        pipeline.gate.set()


def test_inline_what_is_left_out_goes_on_without_results(pipeline: LengthPipeline, sink: OtlpSink) -> None:
    forward = {"endpoint": sink.endpoint, "batch_delay_s": 0}
    with service(pipeline, selection=HALF, forward=forward, **AT_ONCE) as at:
        send(at, call(OUT, b"left out"), call(IN, b"taken in", attributes=chat_attributes(answer="x" * 60)))
        spans = {each.span_id: each for _, each in sink.wait_for(lambda sink: sink.spans[1:] and sink.spans)}
    assert spans[b"left out"] == call(OUT, b"left out")
    assert plain(spans[b"taken in"].attributes)["otel_llm.evaluation.length.output.label"] == "fail"


def test_derived_metrics_count_what_is_left_out(pipeline: LengthPipeline) -> None:
    with service(pipeline, selection=HALF, derive_metrics={"enabled": True}, **AT_ONCE) as at:
        send(at, call(OUT, b"left out"), call(IN, b"taken in"))
        wait_until(lambda: "gen_ai_client_operation_duration_seconds_count{" in page(at))
        [line] = [line for line in page(at).splitlines() if "operation_duration_seconds_count" in line]
    assert line.endswith(" 2.0")


def test_a_malformed_span_is_a_dead_letter_whatever_its_trace(pipeline: LengthPipeline, sink: OtlpSink) -> None:
    forward = {"endpoint": sink.endpoint, "batch_delay_s": 0}
    with service(pipeline, selection=HALF, forward=forward, shutdown_timeout_s=0.5, **AT_ONCE) as at:
        # a span with a GenAI attribute, and a wire type that there is none of
        broken = b"\x4a\x0a\x0a\x08gen_ai.x\x0f"
        resource = b"\x12" + bytes([len(broken) + 2]) + b"\x12" + bytes([len(broken)]) + broken
        content = b"\x0a" + bytes([len(resource)]) + resource
        httpx.post(f"{at.http}/v1/traces", content=content, headers=PROTOBUF).raise_for_status()
        wait_until(lambda: 'otel_llm_dead_letters_total{stage="decode"} 1.0' in page(at))


@pytest.mark.parametrize("evaluators", [[], ["drift"]])
def test_a_rule_for_every_call_can_leave_out_evaluators(pipeline: LengthPipeline, evaluators: list[str]) -> None:
    with service(pipeline, selection={"rules": [{"evaluators": evaluators}]}, **AT_ONCE) as at:
        send(at, call(IN, b"taken in"))
        wait_until(lambda: "otel_llm_queue_requests 0.0" in page(at))
    assert [bytes.fromhex(each.span_id) for each in pipeline.seen] == [b"taken in"] * len(evaluators)
