import json
import time

import pytest
from support.decoding import decode
from support.spans import body, chat_attributes, message, span

from otel_llm.genai.call import Call
from otel_llm.genai.prompt.context import split_prompt

PROMPT = "<context>Llamas are camelids.</context>\nWhat are llamas?"


def call(**attributes: object) -> Call:
    [call] = decode(body(span(chat_attributes(**attributes)))).calls
    return call


@pytest.mark.parametrize(
    ("prompt", "documents", "question"),
    [
        (PROMPT, ("Llamas are camelids.",), "What are llamas?"),
        ("What are llamas?\n<context>\nCamelids.\n</context>", ("Camelids.",), "What are llamas?"),
        ('Q <Context source="wiki">Camelids.</Context>', ("Camelids.",), "Q"),
        (
            "<documents><document index='1'>One.</document>\n<document>Two.</document></documents> Which?",
            ("One.", "Two."),
            "Which?",
        ),
        ("Use this.\n\nContext:\nA.\n\nB.\n\nQuestion: Which?\nAnswer:", ("A.\n\nB.",), "Which?"),
        ("Question: Which?\nContext: A.", ("A.",), "Which?"),
        ("Be brief.\n<context>A.</context>\nQuestion: Which?", ("A.",), "Which?"),
        # a letter that lower case makes longer, and so moves what comes after it
        ("<context>İstanbul is İn Türkiye.</context> Where?", ("İstanbul is İn Türkiye.",), "Where?"),
    ],
)
def test_a_delimited_context_is_told_from_the_question(
    prompt: str, documents: tuple[str, ...], question: str
) -> None:
    split = split_prompt(prompt)
    assert (split.documents, split.question) == (documents, question)


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        "What are llamas?",
        "Context: I teach biology. What are llamas?",  # no telling where the context ends
        "<context>never closed. What are llamas?",
        "<contextual>no context</contextual>",
        "</context> What? <context>",
    ],
)
def test_a_prompt_without_a_delimited_context_stays_whole(prompt: str) -> None:
    split = split_prompt(prompt)
    assert (split.documents, split.question) == ((), prompt)


@pytest.mark.parametrize(
    "text", ["<context", "<context>", "<documents><document>", "context:\n", " ", "question:"]
)
def test_a_hostile_prompt_is_split_in_linear_time(text: str) -> None:
    started = time.process_time()
    split_prompt(text * (2_000_000 // len(text)))
    assert time.process_time() - started < 2


def test_the_explicit_attribute_comes_before_all_else() -> None:
    messages = [
        message("user", PROMPT),
        {"role": "tool", "parts": [{"type": "tool_call_response", "response": "T"}]},
    ]
    of_all = call(**{"gen_ai.input.messages": json.dumps(messages), "otel_llm.documents": json.dumps(["D"])})
    assert of_all.documents == ("D",)
    assert of_all.input_text == "What are llamas?"


def test_tool_results_come_before_the_prompt() -> None:
    results = {"role": "tool", "parts": [{"type": "tool_call_response", "response": {"t": 57}}]}
    messages = [message("user", PROMPT), results]
    assert call(**{"gen_ai.input.messages": json.dumps(messages)}).documents == ('{"t": 57}',)


def test_the_context_in_the_prompt_is_not_the_users_text() -> None:
    of_prompt = call(**{"gen_ai.input.messages": json.dumps([message("user", PROMPT)])})
    assert of_prompt.documents == ("Llamas are camelids.",)
    assert of_prompt.input_text == "What are llamas?"
    assert of_prompt.input[0].text == PROMPT


def test_a_context_in_the_system_instructions_counts_when_there_is_no_other() -> None:
    instructions = [{"type": "text", "content": "Answer from <context>Camelids.</context>"}]
    assert call(**{"gen_ai.system_instructions": json.dumps(instructions)}).documents == ("Camelids.",)


def test_a_context_in_a_system_message_counts_too() -> None:
    messages = [message("system", "<context>Camelids.</context>"), message("user", "What are llamas?")]
    of_system = call(**{"gen_ai.input.messages": json.dumps(messages)})
    assert (of_system.documents, of_system.input_text) == (("Camelids.",), "What are llamas?")


def test_a_prompt_that_is_context_alone_asks_nothing() -> None:
    alone = call(**{"gen_ai.input.messages": json.dumps([message("user", "<context>Camelids.</context>")])})
    assert (alone.documents, alone.input_text) == (("Camelids.",), "")
