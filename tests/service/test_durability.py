"""What was acknowledged is evaluated, whatever happens to the process or to where results go."""

from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from otlp_sink import OtlpSink, key_values, otlp_sink, plain
from support.otlp import logs
from support.receivers import wait_until
from support.service import LengthPipeline, service
from support.spans import body, chat_attributes, span, unreadable

from otel_llm.dead_letters.letter import Letter
from otel_llm.evaluate.run.pipeline import Evaluation
from otel_llm.genai.call import Call
from otel_llm.otlp.queued import QueuedRequest, pack, unpack
from otel_llm.ports import free_port
from otel_llm.queue.durable import DurableQueue
from otel_llm.service.flow import handle
from otel_llm.service.running import Service

PROTOBUF = {"content-type": "application/x-protobuf"}


def send(at: Service, *spans: object) -> None:
    post(at, body(*spans))


def post(at: Service, data: bytes) -> None:
    httpx.post(f"{at.http}/v1/traces", content=data, headers=PROTOBUF).raise_for_status()


def numbered(count: int) -> list:
    return [span(span_id=number.to_bytes(8)) for number in range(1, count + 1)]


def evaluated(sink: OtlpSink) -> list[int]:
    return sorted(int.from_bytes(record.span_id) for _, record in sink.logs)


def test_what_was_not_evaluated_is_after_the_next_start(pipeline: LengthPipeline, tmp_path: Path) -> None:
    queue = {"folder": str(tmp_path / "queue")}
    pipeline.gate.clear()
    with otlp_sink() as sink:
        with service(pipeline, queue=queue, events={"endpoint": sink.endpoint}, shutdown_timeout_s=0.1) as at:
            send(at, *numbered(3))
        assert evaluated(sink) == []
        pipeline.gate.set()
        with service(LengthPipeline(), queue=queue, events={"endpoint": sink.endpoint}):
            sink.wait_for(lambda sink: len(sink.logs) >= 3)
        assert evaluated(sink) == [1, 2, 3]


def test_results_wait_for_a_destination_that_is_down(tmp_path: Path) -> None:
    queue = {"folder": str(tmp_path / "queue")}
    nobody = {"endpoint": f"http://127.0.0.1:{free_port()}", "retry": {"initial_s": 0.05, "max_s": 0.1}}
    first = LengthPipeline()
    with service(first, queue=queue, events=nobody, shutdown_timeout_s=0.5) as at:
        send(at, *numbered(2))
        wait_until(lambda: len(first.seen) == 2)
    with otlp_sink() as sink, service(LengthPipeline(), queue=queue, events={"endpoint": sink.endpoint}):
        sink.wait_for(lambda sink: len(sink.logs) >= 2)
    assert evaluated(sink) == [1, 2]


def test_a_span_that_is_sent_again_is_evaluated_once_even_after_a_restart(tmp_path: Path) -> None:
    queue = {"folder": str(tmp_path / "queue")}
    with otlp_sink() as sink:
        with service(LengthPipeline(), queue=queue, events={"endpoint": sink.endpoint}) as at:
            send(at, *numbered(2))
            send(at, *numbered(2))
            sink.wait_for(lambda sink: len(sink.logs) >= 2)
        with service(LengthPipeline(), queue=queue, events={"endpoint": sink.endpoint}) as at:
            send(at, *numbered(3))
            sink.wait_for(lambda sink: len(sink.logs) >= 3)
        assert evaluated(sink) == [1, 2, 3]


def test_a_full_queue_refuses_retryably_and_takes_again_once_there_is_room(pipeline: LengthPipeline) -> None:
    pipeline.gate.clear()
    settings = {
        "receive": {"max_request_bytes": 500_000, "max_in_flight_bytes": 2_000_000},
        "queue": {"max_bytes": 1 << 20, "max_batch": 1, "max_batch_bytes": 1},
    }
    with service(pipeline, **settings) as at:
        statuses = []
        for number in range(1, 8):
            content = body(span(chat_attributes(answer="x" * 300_000), span_id=number.to_bytes(8)))
            answer = httpx.post(f"{at.http}/v1/traces", content=content, headers=PROTOBUF)
            statuses.append(answer.status_code)
        assert set(statuses) == {200, 503}
        assert answer.headers["retry-after"]
        pipeline.gate.set()
        wait_until(lambda: "otel_llm_queue_requests 0.0" in httpx.get(f"{at.telemetry}/metrics").text)
        send(at, span(span_id=b"at last!"))
    assert len(pipeline.seen) == statuses.count(200) + 1


def test_what_cannot_be_read_is_a_dead_letter_that_can_be_sent_again(
    pipeline: LengthPipeline, tmp_path: Path
) -> None:
    file = tmp_path / "dead.jsonl"
    bad = span(span_id=b"bad span")
    with service(pipeline, dead_letters={"file": str(file)}) as at:
        post(at, unreadable(body(bad, span())))
    [line] = file.read_text().splitlines()
    letter = Letter.model_validate_json(line)
    assert (letter.stage, letter.items, letter.spans[0].span_id) == ("decode", 1, b"bad span".hex())
    assert "gen_ai.input.messages is no AnyValue" in letter.reason
    assert letter.body == unreadable(body(bad))
    assert len(pipeline.seen) == 1


def test_events_that_are_refused_are_dead_letters(pipeline: LengthPipeline, tmp_path: Path) -> None:
    file = tmp_path / "dead.jsonl"
    with otlp_sink() as sink:
        wrong = f"{sink.endpoint}/nowhere"  # the sink closes the connection on it, so that it is tried again
        retry = {"initial_s": 0.01, "max_s": 0.01, "max_elapsed_s": 0.1}
        settings = {"events": {"endpoint": wrong, "retry": retry}, "dead_letters": {"file": str(file)}}
        with service(pipeline, **settings) as at:
            send(at, span())
            wait_until(lambda: "otel_llm_queue_requests 0.0" in httpx.get(f"{at.telemetry}/metrics").text)
    letter = Letter.model_validate_json(file.read_text().splitlines()[0])
    assert (letter.stage, letter.signal, letter.items) == ("events", "logs", 1)


def test_tenants_keep_their_names_on_the_way(pipeline: LengthPipeline) -> None:
    with otlp_sink() as sink:
        settings = {"receive": {"tenant_header": "X-Scope-OrgID"}, "events": {"endpoint": sink.endpoint}}
        with service(pipeline, **settings) as at:
            headers = PROTOBUF | {"x-scope-orgid": "acme"}
            httpx.post(f"{at.http}/v1/traces", content=body(span()), headers=headers).raise_for_status()
            sink.wait_for(lambda sink: sink.logs)
        assert {name.lower(): value for name, value in sink.headers[-1].items()}["x-scope-orgid"] == "acme"


@pytest.mark.parametrize("mixed", [True, False])
def test_without_a_next_receiver_only_calls_are_kept(pipeline: LengthPipeline, mixed: bool) -> None:
    others = [span({"http.request.method": "GET"}, span_id=number.to_bytes(8)) for number in range(1, 101)]
    pipeline.gate.clear()
    with service(pipeline) as at:
        send(at, *others, *([span()] if mixed else []))
        text = httpx.get(f"{at.telemetry}/metrics").text
        pipeline.gate.set()
    size = next(float(line.split()[1]) for line in text.splitlines() if line.startswith("otel_llm_queue_size"))
    assert (0 < size < 2000) if mixed else size == 0


def test_labels_of_results_come_with_the_span(sink: OtlpSink, pipeline: LengthPipeline) -> None:
    with service(pipeline, events={"endpoint": sink.endpoint}) as at:
        send(at, span())
        ((_, record),) = sink.wait_for(lambda sink: sink.logs)
    assert plain(record.attributes)["gen_ai.evaluation.name"] == "length"


def test_a_repeat_that_was_passed_over_does_not_hide_what_a_crash_left(tmp_path: Path) -> None:
    folder = tmp_path / "queue"
    queue = DurableQueue(folder, max_bytes=64 << 20)
    request = pack(QueuedRequest(signal="traces", body=body(*numbered(1)), items=1))
    for _ in range(2):
        queue.append(request).result(20)
    queue.take(20)
    queue.settle([queue.take(20).sequence])  # the repeat; the first was under way when the process died
    queue.close()
    with otlp_sink() as sink:
        with service(LengthPipeline(), queue={"folder": str(folder)}, events={"endpoint": sink.endpoint}):
            sink.wait_for(lambda sink: sink.logs)
        assert evaluated(sink) == [1]


def test_content_and_documents_of_before_a_restart_are_for_the_spans_after_it(tmp_path: Path) -> None:
    queue = {"folder": str(tmp_path / "queue"), "max_delay_s": 0}
    ids = {"trace_id": span().trace_id, "span_id": span().span_id}
    said = {key: value for key, value in chat_attributes(answer="At 9.").items() if "messages" in key}
    record = LogRecord(event_name="gen_ai.client.inference.operation.details", attributes=key_values(said), **ids)
    tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.call.result": "It opens at 9."}
    with service(LengthPipeline(), queue=queue) as at:
        httpx.post(f"{at.http}/v1/logs", content=logs([record]), headers=PROTOBUF).raise_for_status()
        send(at, span(tool, span_id=b"the tool"))
    later = LengthPipeline()
    with service(later, queue=queue) as at:
        send(at, span({"gen_ai.operation.name": "chat"}))
        wait_until(lambda: later.seen)
    [call] = later.seen
    assert (call.output_text, call.documents) == ("At 9.", ("It opens at 9.",))


def suspects(folder: Path, *spans: object) -> None:
    """Leave a record for each span in the queue's folder, with which two processes died."""
    for life in range(3):  # the first takes none of them
        queue = DurableQueue(folder, max_bytes=64 << 20)
        for each in spans if life == 0 else ():
            queue.append(pack(QueuedRequest(signal="traces", body=body(each), items=1))).result(9)
        while life and queue.take(0):
            pass
        queue._taken.clear()  # as where the process is killed: nothing is written back
        queue.close()


@pytest.mark.parametrize(
    "attributes", [chat_attributes(), {"gen_ai.operation.name": "chat"}], ids=["whole", "bare"]
)
def test_records_with_which_processes_died_twice_are_worked_on_alone_and_at_once(
    tmp_path: Path, attributes: dict[str, str]
) -> None:
    folder = tmp_path / "queue"
    suspects(folder, *(span(attributes, span_id=number.to_bytes(8)) for number in range(1, 6)))
    batches: list[int] = []

    class Batches(LengthPipeline):
        def evaluate(self, calls: Sequence[Call], *selected: object) -> Evaluation:
            batches.append(len(calls))
            return super().evaluate(calls, *selected)

    # a batch would fill up for a minute, and a call without content wait for log records as long
    with service(Batches(), queue={"folder": str(folder), "max_delay_s": 60}, joins={"wait_s": 60}):
        wait_until(lambda: len(batches) == 5)
    assert batches == [1] * 5


def test_a_record_that_is_worked_on_alone_is_passed_on_in_time(tmp_path: Path, pipeline: LengthPipeline) -> None:
    suspects(tmp_path / "queue", span())
    pipeline.gate.clear()
    with otlp_sink() as sink:
        forward = {"endpoint": sink.endpoint, "batch_delay_s": 0}
        settings = {"queue": {"folder": str(tmp_path / "queue")}, "inline": {"max_wait_s": 0.1}}
        with service(pipeline, forward=forward, shutdown_timeout_s=0.5, **settings):
            sink.wait_for(lambda sink: sink.spans, timeout_s=9)  # others wait for it for up to ten seconds
        pipeline.gate.set()


def test_a_record_that_no_code_is_prepared_for_holds_up_none_behind_it(
    pipeline: LengthPipeline, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails_once(payload: bytes) -> QueuedRequest:
        monkeypatch.setattr(handle, "unpack", unpack)
        raise RuntimeError("a bug")

    with service(pipeline, shutdown_timeout_s=0.5) as at:
        monkeypatch.setattr(handle, "unpack", fails_once)
        send(at, span(span_id=b"no luck."))
        send(at, span(span_id=b"a second"))
        wait_until(lambda: pipeline.seen)
    assert [bytes.fromhex(call.span_id) for call in pipeline.seen] == [b"a second"]
    assert "RuntimeError: a bug" in caplog.text
