"""What the service makes of agents and of prompts with documents, as the newest libraries send them."""

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from otlp_sink import OtlpSink, otlp_sink, plain
from support.captured import body_of
from support.service import service
from support.spans import body, chat_attributes, message, span

from otel_llm.config.evaluate import DriftSettings, EvaluateSettings
from otel_llm.evaluate.run.pipeline import Pipeline
from otel_llm.service.running import Service

EVALUATORS = ("pii", "secrets", "toxicity", "groundedness")
DOCUMENT = "The X200 has a 2-year warranty. For help write to anna.berger@posteo.net."
QUESTION = "How long is the warranty of the X200?"
LLAMA_INDEX = (
    f"Context information is below.\n---------------------\n{DOCUMENT}\n---------------------\nGiven the context "
    f"information and not prior knowledge, answer the query.\nQuery: {QUESTION}\nAnswer: "
)
LANGCHAIN = (
    "Use the following pieces of context to answer the question at the end. If you don't know the answer, just "
    f"say that you don't know, don't try to make up an answer.\n\n{DOCUMENT}\n\n"
    f"Question: {QUESTION}\nHelpful Answer:"
)


@pytest.fixture(scope="module")
def at() -> Iterator[tuple[Service, OtlpSink]]:
    settings = EvaluateSettings(evaluators=EVALUATORS, drift=DriftSettings(enabled=False))
    with (
        otlp_sink() as sink,
        service(
            Pipeline.load(settings),
            events={"endpoint": sink.endpoint, "not_applicable": True},
            queue={"max_delay_s": 0.01},
            joins={"wait_s": 60},  # a call that waits for log records is seen as a test that takes too long
        ) as running,
    ):
        yield running, sink


def results(at: tuple[Service, OtlpSink], data: bytes, calls: int) -> list[dict[tuple[str, str], str]]:
    """Return the labels by evaluator and target of each call, in the order of its answer's time."""
    running, sink = at
    before = len(sink.logs)
    expected = before + calls * 7  # groundedness evaluates the output alone
    headers = {"content-type": "application/x-protobuf"}
    httpx.post(f"{running.http}/v1/traces", content=data, headers=headers).raise_for_status()
    records = sink.wait_for(lambda sink: sink.logs if len(sink.logs) >= expected else None)
    by_span: dict[bytes, dict[tuple[str, str], str]] = {}
    for _, record in records[before:]:
        of = plain(record.attributes)
        key = of["gen_ai.evaluation.name"], of["otel_llm.evaluation.target"]
        by_span.setdefault(record.span_id, {})[key] = of["gen_ai.evaluation.score.label"]
    return list(by_span.values())


@pytest.mark.parametrize(
    ("name", "calls", "insults"),
    [
        ("strands_agents_1.62.0", 3, 1),
        ("strands_agents_1.62.0_latest", 3, 1),
        ("openllmetry_0.62.4", 5, 3),
        ("openinference_0.1.66", 5, 3),
    ],
)
def test_the_newest_libraries_calls_and_their_tools_are_evaluated(
    name: str, calls: int, insults: int, at: tuple[Service, OtlpSink]
) -> None:
    started = time.monotonic()
    found = results(at, body_of(f"newest/{name}", "traces"), calls)
    assert time.monotonic() - started < 30
    labels = [
        (each["pii", "input"], each["toxicity", "output"], each["pii", "output"], each["secrets", "output"])
        for each in found
    ]
    assert labels.count(("fail", "fail", "pass", "pass")) == insults
    # the arguments of the tool call hold a card number and a password, and nothing is said beside them
    assert labels.count(("pass", "not_applicable", "fail", "fail")) == 1
    # the result of the tool holds an address
    assert labels.count(("fail", "pass", "pass", "pass")) == 1
    assert len(labels) == insults + 2


@pytest.mark.parametrize("prompt", [LLAMA_INDEX, LANGCHAIN])
def test_documents_in_a_prompt_are_what_the_answer_must_agree_with_and_not_the_users_words(
    prompt: str, at: tuple[Service, OtlpSink]
) -> None:
    trace_id = b"l" * 16 if prompt is LLAMA_INDEX else b"c" * 16
    for number, (answer, label) in enumerate(
        [("The X200 has a 2-year warranty.", "pass"), ("The company was founded by Napoleon on Mars.", "fail")]
    ):
        ids = {"trace_id": trace_id, "span_id": bytes([number + 1] * 8)}
        [found] = results(at, body(span(chat_attributes(prompt, answer), **ids)), 1)
        assert found["groundedness", "output"] == label
        assert found["pii", "input"] == "pass"


def test_a_tool_result_of_an_earlier_turn_is_not_evaluated_again(at: tuple[Service, OtlpSink]) -> None:
    leak: dict[str, Any] = {
        "role": "tool",
        "parts": [{"type": "tool_call_response", "id": "1", "response": {"mail": "anna.berger@posteo.net"}}],
    }
    called = {"role": "assistant", "parts": [{"type": "tool_call", "id": "1", "name": "lookup", "arguments": {}}]}
    first = [message("user", "Who is customer 17?"), called, leak]
    later = [*first, message("assistant", "A customer."), message("user", "Thank you.")]
    labels = []
    for number, messages in enumerate((first, later)):
        attributes = chat_attributes("", "Done.") | {"gen_ai.input.messages": json.dumps(messages)}
        of_call = span(attributes, trace_id=b"t" * 16, span_id=bytes([number + 1] * 8))
        labels += [each["pii", "input"] for each in results(at, body(of_call), 1)]
    assert labels == ["fail", "pass"]
