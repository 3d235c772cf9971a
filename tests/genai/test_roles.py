"""Roles by whatever name: the user's text is found, and the assistant's history is not the user's."""

import json
from typing import Any

import pytest
from support.captured import written
from support.spans import span

from otel_llm.genai.call import Call
from otel_llm.genai.decode import read_span
from otel_llm.genai.roles import role_of

CARD = "My card is 4539 1488 0343 6467"


def call(attributes: dict[str, Any]) -> Call:
    return read_span(span(attributes).SerializeToString()).call("shop")


def of_roles(*roles: str) -> Call:
    messages = [{"role": role, "content": f"said by {role}"} for role in roles]
    return call({"gen_ai.operation.name": "chat", "gen_ai.input.messages": json.dumps(messages)})


@pytest.mark.parametrize(
    ("words", "role"),
    [
        (["user", "User", "USER", "human", "Human", "HumanMessage", "HumanMessageChunk", "MessageRole.USER",
          "end_user", " user "], "user"),
        (["assistant", "Assistant", "ai", "AI", "bot", "model", "AIMessage", "chatbot", "CHATBOT", "gpt",
          "ChatRole.ASSISTANT"], "assistant"),
        (["system", "System", "developer", "SystemMessage"], "system"),
        (["tool", "function", "Function", "ipython", "ToolMessage", "FunctionMessage", "observation",
          "tool_response", "toolResult"], "tool"),
    ],
)  # fmt: skip
def test_the_words_for_a_role_are_one_role(words: list[str], role: str) -> None:
    assert {role_of(word) for word in words} == {role}


@pytest.mark.parametrize("word", ["narrator", "Guest 7", "", "x" * 100_000, "moderator", "userland"])
def test_any_other_word_stays(word: str) -> None:
    assert role_of(word) == word


@pytest.mark.parametrize("role", ["human", "Human", "User", "USER", "HumanMessage", "narrator", "Guest 7"])
def test_the_users_text_is_the_input_whatever_the_user_is_called(role: str) -> None:
    read = of_roles("system", role, "assistant")
    assert read.input_text == f"said by {role}"


@pytest.mark.parametrize("others", [("ai", "AI"), ("model", "bot"), ("system", "developer"), ("tool", "ipython")])
def test_what_others_say_is_not_the_users(others: tuple[str, ...]) -> None:
    assert of_roles(*others).input_text == ""
    assert of_roles("human", *others).input_text == "said by human"


def test_an_unknown_role_counts_only_without_a_user() -> None:
    assert of_roles("user", "narrator").input_text == "said by user"
    assert written(of_roles("user", "narrator").input)[1] == ("narrator", "said by narrator")
    assert of_roles("narrator", "guest").input_text == "said by guest"


@pytest.mark.parametrize(
    "attributes",
    [
        {"llm.request.type": "completion", "gen_ai.prompt.0.user": CARD},
        {"llm.request.type": "chat", "gen_ai.prompt.0.role": "human", "gen_ai.prompt.0.content": CARD},
        {"openinference.span.kind": "LLM", "llm.input_messages.0.message.role": "human",
         "llm.input_messages.0.message.content": CARD},
        {"ai.operationId": "ai.generateText.doGenerate",
         "ai.prompt.messages": json.dumps([{"role": "Human", "content": CARD}])},
        {"gen_ai.system": "x", "gen_ai.request.model": "m",
         "gen_ai.prompt": json.dumps([{"role": "human", "content": CARD}])},
    ],
)  # fmt: skip
def test_every_dialects_roles_are_read(attributes: dict[str, Any]) -> None:
    read = call(attributes)
    assert (read.input_text, [each.role for each in read.input]) == (CARD, ["user"])


def test_openllmetrys_text_under_a_role_is_of_that_role_only_without_content() -> None:
    base = {"llm.request.type": "chat", "gen_ai.prompt.0.system": "Be brief.", "gen_ai.prompt.1.role": "user"}
    read = call(base | {"gen_ai.prompt.1.content": CARD, "gen_ai.prompt.1.user": "user-7"})
    assert written(read.input) == [("system", "Be brief."), ("user", CARD)]


def test_a_message_of_tool_results_alone_is_not_the_users() -> None:
    messages = [
        {"role": "user", "content": "When?"},
        {"role": "assistant", "content": [{"type": "tool_use", "name": "clock", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "content": "09:00"}]},
    ]
    read = call({"gen_ai.operation.name": "chat", "gen_ai.input.messages": json.dumps(messages)})
    assert (read.input_text, read.tool_results) == ("When?", ("09:00",))
    messages[2]["content"].append({"type": "text", "text": "And then?"})  # type: ignore[attr-defined]
    read = call({"gen_ai.operation.name": "chat", "gen_ai.input.messages": json.dumps(messages)})
    assert read.input_text == "And then?"
