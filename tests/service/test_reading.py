"""What the service makes of content that is odd, of calls by other names, and of spans that are no calls."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from otlp_sink import OtlpSink, otlp_sink, plain
from prometheus_client.parser import text_string_to_metric_families
from support.captured import body_of
from support.fake_clock import FakeClock
from support.service import service
from support.spans import body, chat_attributes, message, span, unreadable

from otel_llm.config.evaluate import DriftSettings, EvaluateSettings
from otel_llm.evaluate.run.pipeline import Pipeline
from otel_llm.genai.problems import Problem
from otel_llm.service.flow.losses import Losses
from otel_llm.service.running import Service

CARD = "My card is 4539 1488 0343 6467"
INSULT = "You are a worthless idiot, go die."
PROTOBUF = {"content-type": "application/x-protobuf"}


class OpenPipeline:
    """A pipeline that stays open when its service ends, for the next test."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pipeline, name)

    def close(self) -> None:
        pass


@pytest.fixture(scope="module")
def evaluators() -> Iterator[OpenPipeline]:
    settings = EvaluateSettings(evaluators=("pii", "toxicity"), drift=DriftSettings(enabled=False))
    pipeline = Pipeline.load(settings)
    yield OpenPipeline(pipeline)
    pipeline.close()


@pytest.fixture
def events(evaluators: OpenPipeline) -> Iterator[tuple[Service, OtlpSink]]:
    with (
        otlp_sink() as sink,
        service(
            evaluators,
            events={"endpoint": sink.endpoint, "not_applicable": True},
            derive_metrics={"enabled": True},
            queue={"max_delay_s": 0.01},
            joins={"wait_s": 0.0},
        ) as at,
    ):
        yield at, sink


def send(at: Service, data: bytes) -> None:
    httpx.post(f"{at.http}/v1/traces", content=data, headers=PROTOBUF).raise_for_status()


def verdicts(sink: OtlpSink, count: int) -> Counter[tuple[str, str, str]]:
    """Return the number of results by evaluator, target and label, once there are `count`."""
    records = sink.wait_for(lambda sink: sink.logs if len(sink.logs) >= count else None)
    return Counter(
        (
            attributes["gen_ai.evaluation.name"],
            attributes["otel_llm.evaluation.target"],
            attributes["gen_ai.evaluation.score.label"],
        )
        for attributes in (plain(record.attributes) for _, record in records)
    )


def series(at: Service, name: str) -> dict[tuple[str, ...], float]:
    text = httpx.get(f"{at.telemetry}/metrics").text
    return {
        tuple(sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    }


def dead_letters(at: Service) -> float:
    return sum(series(at, "otel_llm_dead_letters_total").values())


def state(at: Service) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{at.telemetry}/debug.json").json()
    return found


def test_litellms_newest_spans_are_evaluated_and_its_embedding_is_counted(
    events: tuple[Service, OtlpSink],
) -> None:
    at, sink = events
    send(at, body_of("newest/litellm_1.110.2", "traces"))
    found = verdicts(sink, 24)
    assert found["pii", "input", "fail"] == 6
    assert found["toxicity", "output", "fail"] == 6
    assert series(at, "otel_llm_spans_not_evaluated_total") == {("aembedding", "other_operation"): 1}
    assert state(at)["GenAI spans not evaluated"] == [
        {"operation": "aembedding", "reason": "other_operation", "spans": 1}
    ]
    assert dead_letters(at) == 0


def test_pydantic_ais_newest_spans_are_evaluated_and_its_agents_are_counted(
    events: tuple[Service, OtlpSink],
) -> None:
    at, sink = events
    send(at, body_of("newest/pydantic_ai_2.68.0_content", "traces"))
    found = verdicts(sink, 16)
    assert found["pii", "input", "fail"] == 2
    assert found["toxicity", "output", "fail"] == 2
    assert series(at, "otel_llm_spans_not_evaluated_total") == {
        ("invoke_agent", "other_operation"): 3,
        ("execute_tool", "documents"): 1,
    }


def test_pydantic_ai_without_content_keeps_its_tokens_and_leaves_no_dead_letter_and_no_warning(
    events: tuple[Service, OtlpSink], caplog: pytest.LogCaptureFixture
) -> None:
    at, sink = events
    send(at, body_of("newest/pydantic_ai_2.68.0_no_content", "traces"))
    found = verdicts(sink, 16)
    assert {label for _, _, label in found} == {"not_applicable"}
    assert sum(series(at, "gen_ai_client_token_usage_sum").values()) == 14 + 8 + 21 + 9 + 25 + 4 + 14 + 8
    assert series(at, "otel_llm_spans_not_evaluated_total")["chat", "no_content"] == 4
    assert series(at, "otel_llm_content_problems_total") == {}
    assert dead_letters(at) == 0
    assert "content was not read whole" not in caplog.text


ROWS: list[dict[str, Any]] = [
    {"gen_ai.input.messages": json.dumps([{"role": "user", "parts": [{"type": "text", "content": None}]}])},
    {"gen_ai.system_instructions": "You are helpful"},
    {"gen_ai.output.messages": json.dumps([{"role": "assistant", "parts": [
        {"type": "tool_call", "id": "1", "arguments": {}}, {"type": "text", "content": INSULT}]}])},
    {"gen_ai.output.messages": json.dumps([{"parts": [{"type": "text", "content": INSULT}]}])},
    {"gen_ai.input.messages": json.dumps([{"role": "user", "content": [{"text": CARD}]}])},
    {"gen_ai.output.messages": json.dumps([{"role": "assistant", "content": INSULT,
        "tool_calls": [{"id": "1", "type": "function", "function": None}]}])},
    {"gen_ai.input.messages": json.dumps(message("user", CARD))},
    {"gen_ai.input.messages": json.dumps([CARD])},
    {"gen_ai.output.messages": json.dumps(json.dumps([message("assistant", INSULT)]))},
    {"gen_ai.output.messages": INSULT},
    {"gen_ai.input.messages": json.dumps([message("user", f"{CARD}. " + "x" * 500)])[:110]},
    {"gen_ai.input.messages": 7},
    {"gen_ai.input.messages": json.dumps([{"role": "human", "content": CARD}])},
    {"gen_ai.operation.name": "responses"},
    {"gen_ai.output.messages": json.dumps([{"role": "assistant", "content": None, "refusal": INSULT}])},
    {"gen_ai.output.messages": json.dumps([message("assistant", f"<think>Hm.</think>{INSULT}")])},
]  # fmt: skip


@pytest.mark.parametrize("changed", ROWS)
def test_whatever_is_odd_the_insult_is_found(changed: dict[str, Any], events: tuple[Service, OtlpSink]) -> None:
    at, sink = events
    send(at, body(span(chat_attributes(CARD, INSULT) | changed)))
    found = verdicts(sink, 4)
    assert found["toxicity", "output", "fail"] == 1
    unread = changed.get("gen_ai.input.messages") in {7, ROWS[0].get("gen_ai.input.messages")}
    assert found["pii", "input", "not_applicable" if unread else "fail"] == 1
    assert dead_letters(at) == 0


def test_a_harmless_text_that_was_cut_is_partial_and_counted(
    events: tuple[Service, OtlpSink], caplog: pytest.LogCaptureFixture
) -> None:
    at, sink = events
    cut = json.dumps([message("assistant", "It opens at 9 and closes at 17.")])[:75]
    send(at, body(span(chat_attributes("When?", "") | {"gen_ai.output.messages": cut})))
    found = verdicts(sink, 4)
    assert found["toxicity", "output", "partial"] == 1
    assert found["toxicity", "input", "pass"] == 1
    assert series(at, "otel_llm_content_problems_total") == {("gen_ai.output.messages", "genai", "cut"): 1}
    assert state(at)["Content not read whole"] == [
        {"dialect": "genai", "attribute": "gen_ai.output.messages", "reason": "cut", "times": 1}
    ]
    [line] = [record for record in caplog.records if record.message == "content was not read whole"]
    assert (line.attribute, line.reason, line.count) == ("gen_ai.output.messages", "cut", 1)  # type: ignore[attr-defined]


def test_bytes_that_nobody_can_read_are_a_dead_letter(events: tuple[Service, OtlpSink]) -> None:
    at, sink = events
    send(at, unreadable(body(span(span_id=b"bad span"), span(chat_attributes(CARD, INSULT)))))
    assert verdicts(sink, 4)["toxicity", "output", "fail"] == 1
    assert dead_letters(at) == 1


def test_spans_that_are_not_evaluated_are_counted_by_their_reason(events: tuple[Service, OtlpSink]) -> None:
    at, sink = events
    send(
        at,
        body(
            span({"gen_ai.operation.name": "ponder"}, span_id=b"12345671"),
            span({"gen_ai.operation.name": "embeddings"}, span_id=b"12345672"),
            span({"gen_ai.operation.name": "retrieval", "gen_ai.retrieval.documents": "[]"}, span_id=b"12345673"),
            span({"gen_ai.operation.name": "chat"}, span_id=b"12345674"),
            span(chat_attributes(), span_id=b"12345675"),
            span(chat_attributes(), span_id=b"12345675"),
            span({"http.route": "/"}, span_id=b"12345676"),
        ),
    )
    verdicts(sink, 8)
    assert series(at, "otel_llm_spans_not_evaluated_total") == {
        ("ponder", "unknown_operation"): 1,
        ("embeddings", "other_operation"): 1,
        ("retrieval", "documents"): 1,
        ("chat", "no_content"): 1,
        ("chat", "repeated"): 1,
    }


def test_a_call_that_no_evaluator_sees_is_counted(evaluators: OpenPipeline) -> None:
    with otlp_sink() as sink:
        selection = {"rules": [{"service": "shop"}, {"evaluators": []}]}
        with service(
            evaluators, selection=selection, events={"endpoint": sink.endpoint, "not_applicable": True}
        ) as at:
            send(at, body(span(span_id=b"12345671"), service="other"))
            send(at, body(span(span_id=b"12345672"), service="shop"))
            verdicts(sink, 4)
            assert series(at, "otel_llm_spans_not_evaluated_total") == {("chat", "not_selected"): 1}


def test_problems_are_logged_once_in_a_period_with_their_number(caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock()
    losses = Losses(max_label_values=2, clock=clock)
    cut = Problem("input", "gen_ai.input.messages", "cut")
    losses.note("genai", [cut, Problem("output", "gen_ai.output.messages", "part")])
    for _ in range(5):
        losses.note("genai", [cut])
    assert len(caplog.records) == 2
    clock.advance(301)
    losses.note("genai", [cut])
    assert [record.count for record in caplog.records] == [1, 1, 6]  # type: ignore[attr-defined]
    assert losses.problems()["genai", "gen_ai.input.messages", "cut"] == 7


def test_operations_that_senders_make_up_are_bounded() -> None:
    losses = Losses(max_label_values=2, clock=FakeClock())
    for operation in ("a", "b", "c", "d"):
        losses.count(operation, "unknown_operation")
    assert losses.not_evaluated() == {
        ("a", "unknown_operation"): 1,
        ("b", "unknown_operation"): 1,
        ("other", "unknown_operation"): 2,
    }
