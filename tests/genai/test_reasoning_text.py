"""Reasoning in the text of an answer: blocks are parts of their own, and what only speaks of tags stays text."""

import json
import time
from typing import Any

import pytest
from support.spans import chat_attributes, message, span

from otel_llm.evaluate.offline.records import call_of, read_record
from otel_llm.genai.answers import with_reasoning_apart
from otel_llm.genai.call import Call, Message, Part
from otel_llm.genai.decode import read_span

HM = "Hmm, 5 years? The context says 2 years."
ANSWER = "The X200 has a 2-year warranty."


def parts(text: str, role: str = "assistant") -> list[tuple[str, str]]:
    [read] = with_reasoning_apart([Message(role, (Part("text", text),))])
    return [(part.type, part.text) for part in read.parts]


PAIRS = [
    ("<think>", "</think>"), ("<thinking>", "</thinking>"), ("<reasoning>", "</reasoning>"),
    ("<thought>", "</thought>"), ("<Think>", "</THINK>"), ("<think >", "</ think>"), ("< think>", "</think >"),
    ("◁think▷", "◁/think▷"), ("[THINK]", "[/THINK]"), ("<seed:think>", "</seed:think>"),
    ("<|START_THINKING|>", "<|END_THINKING|>"), ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<thoughts>", "</thoughts>"), ("<antThinking>", "</antThinking>"), ("<scratchpad>", "</scratchpad>"),
    ("<inner_monologue>", "</inner_monologue>"), ("<|think|>", "<|/think|>"),
    ("<|channel>thought\n", "<channel|>"), ("<|channel>", "<channel|>"),
]  # fmt: skip


@pytest.mark.parametrize(("opening", "closing"), PAIRS)
@pytest.mark.parametrize("between", ["", "\n", "\n\n"])
def test_a_block_is_reasoning_and_the_rest_is_the_answer(opening: str, closing: str, between: str) -> None:
    expected = [("reasoning", HM), ("text", ANSWER)]
    assert parts(f"{opening}{between}{HM}{between}{closing}{between}{ANSWER}") == expected
    assert parts(f" \n{opening}{HM}{closing} {ANSWER}\n") == expected
    assert parts(f"{HM}{between}{closing}{between}{ANSWER}") == expected  # the template wrote the beginning
    assert parts(f"{opening}{between}{HM}") == [("reasoning", HM)]  # a limit of tokens cut the end
    assert parts(f"{opening}{between}{closing}{ANSWER}") == [("text", ANSWER)]
    assert parts(f"{closing}{between}{ANSWER}") == [("text", ANSWER)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<think>a</think>One.<think>b</think>Two.",
         [("reasoning", "a"), ("text", "One."), ("reasoning", "b"), ("text", "Two.")]),
        ("<think>a</think>\n\n<think>b</think>\nTwo.", [("reasoning", "a"), ("reasoning", "b"), ("text", "Two.")]),
        ("One.\n<think>b</think>\nTwo.", [("text", "One."), ("reasoning", "b"), ("text", "Two.")]),
        ("One.\n<think>b and so on", [("text", "One."), ("reasoning", "b and so on")]),
        ("a</think>One.\n<think>b</think>Two.",
         [("reasoning", "a"), ("text", "One."), ("reasoning", "b"), ("text", "Two.")]),
        ("So it is 4</think>\n\n4", [("reasoning", "So it is 4"), ("text", "4")]),
        ("So it is 4. </think> 4", [("reasoning", "So it is 4."), ("text", "4")]),
        ("<think>It may end with `</think>` later.</think>4",
         [("reasoning", "It may end with `</think>` later."), ("text", "4")]),
        ("<think>```python\nx = 1\n</think>4", [("reasoning", "```python\nx = 1"), ("text", "4")]),
        ("<think>a</think>Use `<think>` so.", [("reasoning", "a"), ("text", "Use `<think>` so.")]),
        ("<think>a</thinking>b", [("reasoning", "a"), ("text", "b")]),
        ("\ufeff<think>a</think>b", [("reasoning", "a"), ("text", "b")]),
        ("<thinking>a <think> b</thinking>c", [("reasoning", "a <think> b"), ("text", "c")]),
    ],
)  # fmt: skip
def test_several_blocks_are_told_apart(text: str, expected: list[tuple[str, str]]) -> None:
    assert parts(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Put the reasoning between `<think>` and `</think>`.",
        "R1 writes <think> before it answers.",
        "Wrap your reasoning in <think> and </think> tags.",
        "The block ends with </think>.",
        'The end is "</think>" in R1.',
        "Write:\n```\n<think>\nHm.\n</think>\n4\n```\nThat is all.",
        "~~~xml\n<thinking>x</thinking>\n~~~",
        "```python\nif text.startswith('<think>'):\n    text = text.split('</think>')[1]\n",
        "Use `text.split('</think>')` for it.",
        "``a ` <think>x</think>`` is code.",
        "I think so. Thinking <b>hard</b>.",
        "a < b and b > c, [think], <thin>, <thinker>x</thinker>",
        "<analysis>It rose.</analysis><channel>5</channel><scratchpads>x</scratchpads>",
        "Gemma 4 writes `<|channel>thought` and `<channel|>`.",
        "",
        " spaces stay \n",
    ],
)
def test_an_answer_that_speaks_of_tags_stays_as_it_is(text: str) -> None:
    assert parts(text) == [("text", text)]


@pytest.mark.parametrize("role", ["user", "system", "tool", "narrator"])
def test_what_others_write_stays_as_it_is(role: str) -> None:
    assert parts(f"<think>{HM}</think>{ANSWER}", role) == [("text", f"<think>{HM}</think>{ANSWER}")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>4<|return|>",
         [("reasoning", "Hm."), ("text", "4")]),
        ("<|start|>assistant<|channel|>analysis<|message|>Hm.", [("reasoning", "Hm.")]),
        ("<|channel|>final<|message|>4", [("text", "4")]),
        ("analysisWe need 2 + 2.assistantfinalIt is 4.", [("reasoning", "We need 2 + 2."), ("text", "It is 4.")]),
        ("assistantfinalIt is 4.", [("text", "It is 4.")]),
        ("<|channel|>commentary<|message|>I look it up.<|end|>", [("text", "I look it up.")]),
        ('<|channel|>commentary to=functions.weather <|constrain|>json<|message|>{"city":"Graz"}<|call|>',
         [("tool_call", '{"city":"Graz"}')]),
        ("<|start|>assistant to=functions.f<|channel|>commentary<|message|>{}<|call|>", [("tool_call", "{}")]),
    ],
)  # fmt: skip
def test_the_channels_of_gpt_oss_are_read(text: str, expected: list[tuple[str, str]]) -> None:
    assert parts(text) == expected


@pytest.mark.parametrize(
    "text", ["It has `<|channel|>final<|message|>`.", "<|channel|> alone", "analysis", "See assistantfinal."]
)
def test_an_answer_that_speaks_of_channels_stays_as_it_is(text: str) -> None:
    assert parts(text) == [("text", text)]


def call(attributes: dict[str, Any]) -> Call:
    return read_span(span(attributes).SerializeToString()).call("shop")


TEXT = f"<think>{HM}</think>{ANSWER}"


@pytest.mark.parametrize(
    "attributes",
    [
        chat_attributes(answer=TEXT),
        {"llm.request.type": "chat", "gen_ai.completion.0.content": TEXT},
        {"openinference.span.kind": "LLM", "llm.output_messages.0.message.content": TEXT},
        {"ai.operationId": "ai.generateText.doGenerate", "ai.response.text": TEXT},
        {"gen_ai.system": "x", "gen_ai.request.model": "m", "gen_ai.completion": TEXT},
        {"litellm.call_id": "1", "gen_ai.operation.name": "chat", "gen_ai.output.messages": TEXT},
    ],
)
def test_it_is_read_in_every_dialect(attributes: dict[str, Any]) -> None:
    read = call(attributes)
    assert read.output_text == ANSWER
    assert [part.type for part in read.output[0].parts] == ["reasoning", "text"]


def test_it_is_read_in_the_history_and_not_in_the_users_text() -> None:
    history = [message("user", TEXT), message("assistant", TEXT), message("user", "<think>")]
    read = call(chat_attributes() | {"gen_ai.input.messages": json.dumps(history)})
    assert [each.text for each in read.input] == [TEXT, ANSWER, "<think>"]


def test_it_is_read_in_offline_records() -> None:
    read = call_of(read_record({"input": TEXT, "output": TEXT, "choices": [TEXT, "B"]}, 1))
    assert (read.input_text, read.output_text, read.choices) == (TEXT, ANSWER, (ANSWER, "B"))
    assert call_of(read_record({"output": f"<think>{HM}"}, 1)).output_text == ""


@pytest.mark.parametrize(
    "text",
    [
        "<think>" * 200_000,
        "a <think> " * 200_000,
        "</think>" * 200_000,
        "x </think> " * 100_000,
        "`" * 1_000_000,
        "".join("`" * n + " " for n in range(1400)),
        "```\n" * 200_000,
        "<" * 1_000_000,
        "<" + " " * 1_000_000 + "think>",
        "<think>a</think>b. " * 100_000,
        "<|channel|>analysis" * 100_000,
        "<|channel|>a<|message|>" * 100_000,
    ],
)  # fmt: skip
def test_time_is_linear(text: str) -> None:
    start = time.process_time()
    parts(text)
    assert time.process_time() - start < 10
