"""Texts that make a careless reader slow: four times the text may take a few times as long, and not sixteen."""

import contextlib
import time
from collections.abc import Callable

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from otlp_sink import key_values
from support.spans import chat_attributes, span

from otel_llm.errors import DecodeError
from otel_llm.genai.decode import read_span
from otel_llm.genai.prompt.context import split_prompt
from otel_llm.masking.content import masked
from otel_llm.otlp.json import read_json

SMALL = 10_000
UNITS = [
    "a", "1", "1-", "a@", "a.", "a.a@", "+1 ", '"', "[", '{"a":', "[{", "\\", '\\"', "\\ud83d", "<document>",
    "<context>", "</", "<documents", "context:\n", "question:\n", "answer: ", " ", " \n", "eyJhbGciOi.",
    "-----BEGIN RSA PRIVATE KEY-----", "sk-", "http://a:b@", "::", "ab:", "password=", 'api_key: "', "GB82 WEST ",
    "4111 1111 1111 1111 ", "12/", "%40", "_", "\u00e9",
]  # fmt: skip


def seconds(act: Callable[[], object]) -> float:
    """Return the time of this thread that it takes: what else runs on the machine does not count."""
    start = time.thread_time()
    with contextlib.suppress(DecodeError):
        act()
    return time.thread_time() - start


def assert_grows_evenly(act_on: Callable[[int], Callable[[], object]]) -> None:
    small, large = (act_on(size) for size in (SMALL, 4 * SMALL))
    seconds(small)  # what is loaded at first use is no growth
    for _ in range(3):  # a machine that is busy makes one of them slow, and not all
        once, four_times = seconds(small), seconds(large)
        if four_times < 8 * once + 0.05:
            return
    pytest.fail(f"{SMALL} take {once:.3f} s, four times as many {four_times:.3f} s")


def text_of(unit: str, size: int) -> str:
    return (unit * (size // len(unit) + 1))[:size]


@pytest.mark.parametrize("unit", UNITS)
def test_texts(unit: str) -> None:
    def in_messages(size: int) -> bytes:
        return span(chat_attributes(question=text_of(unit, size))).SerializeToString()

    def alone(size: int) -> bytes:
        return span({"gen_ai.prompt": text_of(unit, size)}).SerializeToString()

    def acting(
        make: Callable[[int], bytes], act: Callable[[bytes], object]
    ) -> Callable[[int], Callable[[], object]]:
        def on(size: int) -> Callable[[], object]:
            written = make(size)
            return lambda: act(written)

        return on

    assert_grows_evenly(acting(in_messages, masked))
    assert_grows_evenly(acting(alone, masked))
    assert_grows_evenly(acting(in_messages, lambda written: read_span(written).call("shop")))
    assert_grows_evenly(lambda size: lambda: split_prompt(text_of(unit, size)))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("gen_ai.prompt.{}.content", {"llm.request.type": "chat"}),
        (
            "llm.input_messages.{}.message.tool_calls.{}.tool_call.function.name",
            {"openinference.span.kind": "LLM"},
        ),
        ("any.{}", {"gen_ai.operation.name": "chat"}),
    ],
)
def test_many_attributes(name: str, kind: dict[str, str]) -> None:
    def on(size: int) -> Callable[[], object]:
        attributes = kind | {name.format(n, n): "x" for n in range(size // 5)}
        written = span(attributes).SerializeToString()
        return lambda: (read_span(written).call("shop"), masked(written))

    assert_grows_evenly(on)


def test_many_span_events() -> None:
    def on(size: int) -> Callable[[], object]:
        event = Span.Event(name="gen_ai.content.prompt", attributes=key_values({"gen_ai.prompt": "x"}))
        written = span({"gen_ai.system": "openai", "gen_ai.request.model": "m"}, events=[event] * (size // 5))
        return lambda: (read_span(written.SerializeToString()).call("shop"), masked(written.SerializeToString()))

    assert_grows_evenly(on)


@pytest.mark.parametrize("body", ['{{"resourceSpans":[{}]}}', '{{"x":[{}]}}'], ids=["spans", "unknown"])
@pytest.mark.parametrize("unit", ["{}", "[[]]", '{"a":1}', '{"scopeSpans":[{"spans":[{},{},{}]}]}'])
def test_json(body: str, unit: str) -> None:
    def on(size: int) -> Callable[[], object]:
        written = body.format(",".join([unit] * (size // len(unit)))).encode()
        return lambda: read_json("traces", written)

    assert_grows_evenly(on)
