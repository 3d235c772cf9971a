"""Content in forms that no schema has: what can be read is read, and costs nothing beside it."""

import json
from typing import Any

import pytest
from support.captured import written
from support.spans import chat_attributes, message, span

from otel_llm.genai.call import Call
from otel_llm.genai.decode import read_span

INSULT = "You are a worthless idiot."
CARD = "My card is 4539 1488 0343 6467"
TEXT = {"type": "text", "content": CARD}


def call(**changed: Any) -> Call:
    """Return a call with an input and an answer, of which the given attributes are other ones."""
    names = {
        "input": "gen_ai.input.messages",
        "output": "gen_ai.output.messages",
        "system": "gen_ai.system_instructions",
        "documents": "otel_llm.documents",
    }
    attributes = chat_attributes(CARD, INSULT) | {names[side]: value for side, value in changed.items()}
    return read_span(span(attributes).SerializeToString()).call("shop")


def problems(read: Call) -> list[tuple[str, str]]:
    return [(problem.side, problem.reason) for problem in read.problems]


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "user", "content": [{"text": CARD}]}],  # Bedrock
        {"role": "user", "content": CARD},
        [CARD],
        json.dumps([message("user", CARD)]),
        CARD,
        [[message("user", CARD)]],
        [json.dumps(message("user", CARD))],
        {"messages": [message("user", CARD)]},
        [{"content": CARD}],
        [{"role": "user", "parts": CARD}],
        [{"role": "user", "content": {"type": "text", "text": CARD}}],
        [{"role": "user", "text": CARD, "unknown": [1]}],
        [TEXT],
        [{"role": "user", "parts": [{"type": "text", "text": {"value": CARD, "annotations": []}}]}],
        [{"type": "human", "data": {"content": CARD, "type": "human"}}],  # LangChain's two forms
        [{"lc": 1, "type": "constructor", "id": ["HumanMessage"], "kwargs": {"content": CARD, "type": "human"}}],
        [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": CARD}]}],
        [{"role": "user", "parts": [TEXT], "refusal": None, "tool_calls": None, "finish_reason": 3}],
    ],
)
@pytest.mark.parametrize("encode", [json.dumps, lambda value: json.dumps(json.dumps(value)), lambda value: value])
def test_the_forms_in_which_one_text_is_written_are_read_alike(messages: Any, encode: Any) -> None:
    read = call(input=encode(messages))
    assert (read.input_text, read.output_text, problems(read)) == (CARD, INSULT, [])
    assert [each.role for each in read.input] == ["user"]
    assert call(output=encode(messages)).output_text in {CARD, ""}  # "" if the message says that it is the user's


@pytest.mark.parametrize(
    "messages",
    [
        [{"parts": [{"type": "text", "content": INSULT}]}],
        {"content": INSULT},
        [INSULT],
        INSULT,
        [{"index": 0, "message": {"role": "assistant", "content": INSULT}, "finish_reason": "stop"}],
        [{"role": None, "content": INSULT}],
        [{"type": "ai", "content": INSULT}],
        [{"type": "output_text", "text": INSULT}],
    ],
)
def test_an_output_message_without_a_role_is_the_assistants(messages: Any) -> None:
    read = call(output=json.dumps(messages) if not isinstance(messages, str) else messages)
    assert [(each.role, each.text) for each in read.output] == [("assistant", INSULT)]
    assert (read.input_text, problems(read)) == (CARD, [])


@pytest.mark.parametrize(
    "text",
    [
        "[see below] The answer is 3.",
        "{name}, your order has left.",
        '"To be", he said, "or not to be."',
        '{"answer": 42, "reasoning": "It is known."}',
        '{"name": "Bob", "input": "x"}',
        '[{"city": "Graz"}, {"city": "Linz"}]',
        "[1, 2, 3]",
        '{"answer": "cut in the mid',
        "3",
        "true",
        "[",
        "```json\n{}\n```",
    ],
)
def test_a_plain_text_that_looks_like_json_stays_the_text(text: str) -> None:
    read = call(output=text)
    assert (read.output_text, problems(read)) == (text, [])


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ({"type": "text"}, []),
        ({"type": "text", "content": None}, []),
        ({"type": "reasoning"}, []),
        ({"type": "text", "content": 3}, ["3"]),
        ({"type": "text", "content": True}, ["true"]),
        (3.5, ["3.5"]),
        ("text", ["text"]),
        (None, []),
        ({"type": "image", "source": {"data": "AAAA"}}, [""]),
        ({"type": "blob", "content": "AAAA"}, [""]),
        ({"type": 7, "text": "seven"}, ["seven"]),
        ({"text": "block"}, ["block"]),
        ({"guardContent": {"text": {"text": "guarded"}}}, ["guarded"]),
        ({"image": {"format": "png", "source": {"bytes": "AAAA"}}}, [""]),
        ({"inlineData": {"mimeType": "image/png", "data": "AAAA"}}, [""]),
        ({"cachePoint": {"type": "default"}}, [""]),
        ({"toolUse": {"toolUseId": "1", "name": "f", "input": {"a": 1}}}, ['f{"a": 1}']),
        ({"functionCall": {"name": "f", "args": {"a": 1}}}, ['f{"a": 1}']),
        ({"type": "tool_call", "id": "1", "arguments": {}}, ["{}"]),
        ({"type": "tool_use", "name": None, "input": None}, [""]),
        ({"toolResult": {"toolUseId": "1", "content": [{"text": "a"}, {"json": {"b": 1}}]}}, ['a\n{"b": 1}']),
        ({"functionResponse": {"name": "f", "response": {"a": 1}}}, ['{"a": 1}']),
        ({"type": "tool_result", "content": [{"type": "text", "text": "a"}]}, ["a"]),
        ({"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "x"}}}, ["Hm."]),
        ({"thought": True, "text": "Hm."}, ["Hm."]),
        ({"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}, ["Hm."]),
        ({"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}], "content": []}, ["Hm."]),
    ],
)
@pytest.mark.parametrize("name", ["parts", "content"])
def test_an_odd_part_is_read_as_far_as_it_goes_beside_the_others(
    name: str, part: Any, expected: list[str]
) -> None:
    read = call(output=json.dumps([{"role": "assistant", name: [part, {"type": "text", "content": INSULT}]}]))
    assert written(read.output) == [("assistant", *expected, INSULT)]
    assert (read.input_text, problems(read)) == (CARD, [])


@pytest.mark.parametrize(
    ("part", "kind"),
    [
        ({"toolUse": {"name": "f"}}, "tool_call"),
        ({"functionResponse": {}}, "tool_call_response"),
        ({"reasoningContent": {"reasoningText": {"text": "Hm."}}}, "reasoning"),
        ({"type": "redacted_thinking", "data": "x"}, "other"),
        ({"type": "text", "content": "x"}, "text"),
    ],
)
def test_the_kind_of_a_part_is_known_by_a_sign(part: Any, kind: str) -> None:
    [said] = call(output=json.dumps([{"role": "assistant", "parts": [part]}])).output
    assert [each.type for each in said.parts] == [kind]


@pytest.mark.parametrize("part", [{}, {"foo": 1}, [1], {"type": None}])
def test_a_part_without_any_sign_is_other_and_noted(part: Any) -> None:
    read = call(output=json.dumps([{"role": "assistant", "parts": [part, {"type": "text", "content": INSULT}]}]))
    assert [each.type for each in read.output[0].parts] == ["other", "text"]
    assert (read.output_text, problems(read)) == (INSULT, [("output", "part")])


@pytest.mark.parametrize("odd", [None, {"foo": 1}])
def test_an_unreadable_message_costs_itself_alone(odd: Any) -> None:
    read = call(input=json.dumps([message("system", "Be brief."), odd, message("user", CARD)]))
    assert written(read.input) == [("system", "Be brief."), ("user", CARD)]
    assert (read.output_text, problems(read)) == (INSULT, [("input", "message")])


@pytest.mark.parametrize("value", [True, 3, 2.5, {"foo": 1}])
def test_an_unreadable_attribute_costs_its_side_alone(value: Any) -> None:
    read = call(input=value)
    assert (read.input, read.output_text, problems(read)) == ((), INSULT, [("input", "malformed")])
    read = call(output=value)
    assert (read.output, read.input_text, problems(read)) == ((), CARD, [("output", "malformed")])


@pytest.mark.parametrize(
    "calls",
    [
        [{"id": "1", "type": "function", "function": None}],
        [{"id": "1", "type": "function", "function": {"name": None, "arguments": None}}],
        {"id": "1", "function": {}},
        [{}],
    ],
)
def test_a_tool_call_without_its_function_is_one_without_a_name(calls: Any) -> None:
    read = call(output=json.dumps([{"role": "assistant", "content": INSULT, "tool_calls": calls}]))
    assert [(part.type, part.name, part.text) for part in read.output[0].parts] == [
        ("text", "", INSULT),
        ("tool_call", "", ""),
    ]
    assert problems(read) == []


def test_tool_calls_that_are_none_are_noted() -> None:
    read = call(output=json.dumps([{"role": "assistant", "content": INSULT, "tool_calls": ["x"]}]))
    assert (read.output_text, problems(read)) == (INSULT, [("output", "part")])


@pytest.mark.parametrize(
    ("instructions", "expected"),
    [
        ("You are helpful", "You are helpful"),
        ('"You are helpful"', "You are helpful"),
        ('["Be brief.", "Be kind."]', "Be brief.\nBe kind."),
        ('[{"type": "text", "content": "Be brief."}]', "Be brief."),
        ('{"type": "text", "text": "Be brief."}', "Be brief."),
        ('[{"role": "system", "content": "Be brief."}]', "Be brief."),
        ("[Role] You are helpful", "[Role] You are helpful"),
        ("[3]", "[3]"),
    ],
)
def test_instructions_are_read_however_they_are_written(instructions: str, expected: str) -> None:
    read = call(system=instructions)
    assert (read.system, read.input_text, read.output_text, problems(read)) == (expected, CARD, INSULT, [])


@pytest.mark.parametrize(
    ("documents", "expected"),
    [
        ('["one", "two"]', ("one", "two")),
        ('"one"', ("one",)),
        ("one", ("one",)),
        ('[{"content": "one"}]', ("one",)),
    ],
)
def test_documents_are_read_however_they_are_written(documents: str, expected: tuple[str, ...]) -> None:
    read = call(documents=documents)
    assert (read.documents, read.documents_source, problems(read)) == (expected, "explicit", [])


@pytest.mark.parametrize("nested", ["[" * 100_000, '{"content":' * 5000 + "1" + "}" * 5000])
def test_deep_json_costs_no_call(nested: str) -> None:
    assert call(input=nested).output_text == INSULT


def test_gemini_is_read() -> None:
    contents = [
        {"role": "user", "parts": [{"text": "Weather?"}]},
        {"role": "model", "parts": [{"text": "I look."}, {"functionCall": {"name": "weather", "args": {"c": 1}}}]},
        {"role": "function", "parts": [{"functionResponse": {"name": "weather", "response": {"t": 3}}}]},
    ]
    assert written(call(input=json.dumps(contents)).input) == [
        ("user", "Weather?"),
        ("assistant", "I look.", 'weather{"c": 1}'),
        ("tool", '{"t": 3}'),
    ]


@pytest.mark.parametrize(
    "said",
    [
        {"role": "assistant", "content": None, "refusal": "I cannot."},
        {"role": "assistant", "parts": [{"type": "refusal", "refusal": "I cannot."}]},
        {"role": "assistant", "parts": [{"type": "refusal", "content": "I cannot."}]},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "I cannot."}]},
        {"role": "assistant", "parts": [{"type": "text", "content": "I cannot.", "refusal": True}]},
    ],
)
def test_a_refusal_is_a_text_of_the_assistant_that_is_marked(said: Any) -> None:
    read = call(output=json.dumps([said]))
    assert read.output_text == "I cannot."
    assert [(part.type, part.refusal) for part in read.output[0].parts] == [("text", True)]


@pytest.mark.parametrize(
    "part",
    [{"type": "text", "content": "Yes.", "refusal": False}, {"type": "text", "content": "Yes.", "refusal": None}],
)
def test_an_answer_is_no_refusal(part: Any) -> None:
    [said] = call(output=json.dumps([{"role": "assistant", "parts": [part], "refusal": None}])).output
    assert [(each.text, each.refusal) for each in said.parts] == [("Yes.", False)]
