"""Two dialects on one span, whole requests and responses as content, calls of the provider's own tools."""

import json
from typing import Any

import pytest
from support.spans import chat_attributes, message, span

from otel_llm.genai.call import Call
from otel_llm.genai.decode import read_span

CARD = "My card is 4539 1488 0343 6467"
INSULT = "You are a worthless idiot."
INPUT, OUTPUT = "gen_ai.input.messages", "gen_ai.output.messages"
OPENINFERENCE = {"openinference.span.kind": "LLM", "llm.model_name": "m"}
ANSWER = {"role": "assistant", "content": INSULT}


def call(attributes: dict[str, Any]) -> Call:
    outline = read_span(span(attributes).SerializeToString())
    assert (outline.kind, outline.has_content) == ("call", True)
    return outline.call("shop")


def chat(**changed: Any) -> Call:
    return call(
        chat_attributes(CARD, INSULT) | {{"i": INPUT, "o": OUTPUT}[side]: changed[side] for side in changed}
    )


@pytest.mark.parametrize(
    "attributes",
    [
        OPENINFERENCE | chat_attributes(CARD, INSULT),
        chat_attributes(CARD, INSULT) | {"openinference.span.kind": "", "traceloop.workflow.name": "w"},
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.system": "x",
            INPUT: json.dumps([message("user", CARD)]),
            "gen_ai.completion.0.content": INSULT,
        },
        OPENINFERENCE
        | {
            "llm.input_messages.0.message.role": "user",
            "llm.input_messages.0.message.content": CARD,
            OUTPUT: json.dumps([message("assistant", INSULT)]),
        },
    ],
)
def test_a_side_that_one_dialect_lacks_is_read_in_another(attributes: dict[str, Any]) -> None:
    read = call(attributes)
    assert (read.input_text, read.output_text, read.problems) == (CARD, INSULT, ())


def test_of_two_dialects_the_first_counts() -> None:
    read = call(OPENINFERENCE | {"llm.output_messages.0.message.content": "Hello"} | chat_attributes(CARD, INSULT))
    assert (read.input_text, read.output_text) == (CARD, "Hello")


def test_what_cannot_be_read_is_said_once() -> None:
    read = call(
        OPENINFERENCE | chat_attributes(CARD, INSULT) | {OUTPUT: '[{"role": "assistant", "parts": [{"a": 1}]}]'}
    )
    assert [(problem.attribute, problem.reason) for problem in read.problems] == [(OUTPUT, "part")]


RESPONSES: list[Any] = [
    {
        "id": "1",
        "object": "chat.completion",
        "choices": [{"index": 0, "message": ANSWER, "finish_reason": "stop"}],
    },
    {"candidates": [{"content": {"role": "model", "parts": [{"text": INSULT}]}, "finishReason": "STOP"}]},
    {"output": {"message": {"role": "assistant", "content": [{"text": INSULT}]}}, "stopReason": "end_turn"},
    {
        "object": "response",
        "text": {"format": {"type": "text"}},
        "output": [
            {"type": "reasoning", "summary": []},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": INSULT}]},
        ],
    },
    [{"content": {"role": "model", "parts": [{"text": INSULT}]}, "finishReason": "STOP"}],
]


@pytest.mark.parametrize("response", RESPONSES)
def test_a_whole_response_is_read_as_its_messages(response: Any) -> None:
    as_attribute = chat(o=json.dumps(response))
    assert (as_attribute.output_text, as_attribute.problems) == (INSULT, ())
    whole = {"output.value": json.dumps(response), "output.mime_type": "application/json"}
    assert call(OPENINFERENCE | whole).output_text == INSULT


def test_the_reason_is_read_in_the_providers_words() -> None:
    assert [each.finish_reason for each in chat(o=json.dumps(RESPONSES[1])).output] == ["stop"]


@pytest.mark.parametrize(
    "data",
    [
        {"choices": [{"content": "A", "is_right": True}, {"content": "B", "is_right": False}]},
        {"output": [1, 2], "messages": "none"},
        {"candidates": [{"name": "Anna", "role": "baker"}]},
        [{"type": "admin", "password": "Xk9#mQ2v7Lp"}],
        [{"type": "user", "name": "Anna"}],
        {"input": ["a", "b"]},
    ],
)
def test_data_that_only_looks_like_a_response_stays_a_text(data: Any) -> None:
    text = json.dumps(data)
    assert chat(o=text).output_text == text
    assert chat(o=json.dumps([{"role": "assistant", "content": text}])).output_text == text


def test_json_without_messages_is_no_content_of_a_span_of_openinference() -> None:
    read = read_span(
        span(
            OPENINFERENCE | {"input.value": '{"a": 1}', "input.mime_type": "application/json"}
        ).SerializeToString()
    )
    assert read.call("shop").input == ()


TEXT = {"type": "text", "content": CARD}


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "user", "parts": json.dumps([TEXT])}],
        [{"role": "user", "parts": [json.dumps(TEXT)]}],
        [{"role": "user", "content": json.dumps([{"type": "text", "text": CARD}])}],
        [{"role": "user", "content": json.dumps([{"type": "image_url", "image_url": {"url": "a"}}, TEXT])}],
    ],
)
def test_json_in_a_message_is_read_as_its_parts(messages: Any) -> None:
    assert chat(i=json.dumps(messages)).input_text == CARD


@pytest.mark.parametrize(
    "messages",
    [
        [{"messageType": "SYSTEM", "text": "Be kind."}, {"messageType": "USER", "text": CARD, "metadata": {}}],
        [{"type": "SYSTEM", "text": "Be kind."}, {"type": "USER", "contents": [{"type": "TEXT", "text": CARD}]}],
        [{"role": "user", "contents": [{"$type": "text", "text": CARD}]}],
        [{"role": "user", "blocks": [{"block_type": "text", "text": CARD}]}],
        {"model": "m", "input": [{"role": "user", "content": [{"type": "input_text", "text": CARD}]}]},
        {"model": "m", "messages": [{"role": "user", "content": CARD}], "tools": []},
    ],
)
def test_the_messages_of_other_languages_and_whole_requests_are_read(messages: Any) -> None:
    read = chat(i=json.dumps(messages))
    assert (read.input_text, read.problems) == (CARD, ())


def test_tool_calls_in_camel_case_are_read() -> None:
    calls = [{"id": "1", "name": "f", "arguments": "{}"}]
    [answer] = chat(o=json.dumps([{"role": "assistant", "content": "", "toolCalls": calls}])).output
    assert [(part.type, part.name) for part in answer.parts] == [("tool_call", "f")]


@pytest.mark.parametrize("messages", ["null", " null\n"])
def test_no_value_as_json_is_no_message(messages: str) -> None:
    assert chat(i=messages).input == ()


def test_a_byte_order_mark_and_integers_of_any_length_cost_nothing() -> None:
    text = json.dumps([message("user", CARD)])
    assert chat(i=f"\ufeff{text}").input_text == CARD
    assert chat(i=text.replace('"role"', f'"n": {"9" * 6000}, "role"')).input_text == CARD


CALLS = [
    {"type": "server_tool_call", "name": "f", "server_tool_call": {"type": "f", "arguments": {"q": CARD}}},
    {"type": "server_tool_call", "name": "f", "server_tool_call": {"type": "f", "revised_prompt": CARD}},
    {"type": "server_tool_use", "name": "f", "input": {"q": CARD}},
    {"type": "mcp_call", "name": "f", "arguments": json.dumps({"q": CARD})},
    {"type": "web_search_call", "action": {"query": CARD}},
    {"type": "code_interpreter_call", "code": CARD},
    {"type": "tool_call", "name": "f", "parameters": {"q": CARD}},
]


@pytest.mark.parametrize("part", CALLS)
def test_what_the_providers_own_tools_are_given_is_a_tool_call(part: Any) -> None:
    [answer] = chat(
        o=json.dumps([{"role": "assistant", "parts": [part, {"type": "text", "content": INSULT}]}])
    ).output
    assert [each.type for each in answer.parts] == ["tool_call", "text"]
    assert CARD in answer.parts[0].text
    assert answer.parts[0].name in {"f", ""}


@pytest.mark.parametrize(
    "part",
    [
        {
            "type": "server_tool_call_response",
            "server_tool_call_response": {"type": "f", "content": [{"title": CARD}]},
        },
        {"type": "server_tool_call_response", "server_tool_call_response": {"type": "f", "tools": [CARD]}},
        {"type": "web_search_tool_result", "tool_use_id": "1", "content": [{"title": CARD}]},
        {"type": "computer_call_output", "output": CARD},
    ],
)
def test_what_they_answer_is_a_result(part: Any) -> None:
    [result] = chat(i=json.dumps([message("user", "q"), {"role": "assistant", "parts": [part]}])).tool_results
    assert CARD in result


def test_a_part_without_a_known_type_says_nothing() -> None:
    [answer] = chat(o=json.dumps([{"role": "assistant", "parts": [{"type": "recall", "text": CARD}]}])).output
    assert [part.type for part in answer.parts] == ["other"]
