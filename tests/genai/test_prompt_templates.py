"""The context in the prompts that frameworks ship: a row here for each row of the table in docs/dialects.md."""

import json
import re
import time
import tomllib
from pathlib import Path

import pytest
from support.decoding import decode
from support.spans import body, chat_attributes, message, span

from otel_llm.genai.call import Call
from otel_llm.genai.prompt.context import context_of_instructions, split_prompt

PAGE = Path(__file__).parents[2] / "docs" / "dialects.md"
DOCUMENT = "The X200 has a 2-year warranty.\n\nWrite to anna.berger@posteo.net: she answers within a day."
QUESTION = "How long is the warranty of the X200?"

TEMPLATES = tomllib.loads((Path(__file__).parent / "prompt_templates.toml").read_text())
USER: dict[str, str] = TEMPLATES["user"]
SYSTEM: dict[str, str] = TEMPLATES["system"]


def filled(template: str, document: str = DOCUMENT, question: str = QUESTION) -> str:
    return template.replace("{c}", document).replace("{q}", question)


def call(*messages: dict[str, object], **attributes: object) -> Call:
    of_call = chat_attributes(**{"gen_ai.input.messages": json.dumps(messages), **attributes})
    [call] = decode(body(span(of_call))).calls
    return call


@pytest.mark.parametrize("name", USER)
def test_the_context_of_a_users_prompt_is_documents_and_the_rest_is_the_question(name: str) -> None:
    split = split_prompt(filled(USER[name]))
    assert split.question == QUESTION
    assert [re.sub(r"^\[1\] «|»$|^Content: |^x200.pdf#page=2: ", "", text) for text in split.documents] == [
        DOCUMENT
    ]


@pytest.mark.parametrize("name", SYSTEM)
def test_the_context_of_instructions_is_documents(name: str) -> None:
    documents = context_of_instructions(filled(SYSTEM[name]))
    assert [text.removesuffix("<context/>").strip() for text in documents] == [DOCUMENT]


@pytest.mark.parametrize("name", [*USER, *SYSTEM])
def test_the_page_has_a_row_for_the_template(name: str) -> None:
    rows = {line.split("|")[1].strip() for line in PAGE.read_text().splitlines() if line.startswith("| ")}
    assert name in rows


@pytest.mark.parametrize("name", ["LlamaIndex: default", "LangChain: stuff", "LangChain: rlm/rag-prompt"])
@pytest.mark.parametrize(
    ("document", "question"),
    [
        # what documents hold that looks like a template's own lines
        ("# Guide\n\n---\n\n| a | b |\n|---|---|\n\nSources:\nmanual.pdf", QUESTION),
        ("FAQ\nQuestion: Is it loud?\nAnswer: No.\n\nMore text.", QUESTION),
        (
            "Page one.\n\n----\n\nPage two.\n=====\nPage three.",
            "Which page?\nTell me the number: one, two or three.",
        ),
        ("<p>The <b>X200</b></p>\n```xml\n<context>none</context>\n```", "What is `<context>`?"),
    ],
)
def test_a_document_may_look_like_a_template(name: str, document: str, question: str) -> None:
    split = split_prompt(filled(USER[name], document, question))
    assert (split.documents, split.question) == ((document,), question)


@pytest.mark.parametrize("name", ["LlamaIndex: default", "LangChain: stuff", "tags: context", "headings: Context"])
def test_an_empty_context_has_no_documents_and_the_question_is_the_users(name: str) -> None:
    split = split_prompt(filled(USER[name], document=""))
    assert (split.documents, split.question) == ((), QUESTION)


@pytest.mark.parametrize(
    "prompt",
    [
        "In the context of tax law, question: why is interest deductible?",
        "What does context mean in React? Question: should I use it with documents?",
        "Context is everything. I have a question: who said that?",
        "Use the following words in a poem: sea, stone, salt.",
        "Given the following sentence, tell me the tense: She had gone.",
        "Write about my weekend.\n------\nSaturday: rain.\n------\nSunday: sun.",
        "Please translate:\n\n-----------\nDear Ms Berger,\n\nthank you.\n-----------",
        "Why does my tomcat not start?\n<Context>\n  <Resource name='jdbc/db' auth='Container'/>\n</Context>",
        "Fix this XML:\n<document>\n  <titel>A</titel>\n  <betrag>5</betrag>\n</document>",
        "What is wrong here?\n```html\n<context>a</context>\n```",
        "What does `<context>a</context>` do?",
        "const X = () => <Context.Provider value={1}>hello</Context.Provider>; why does it not render?",
        "# Context\nI teach biology.\n# Task\nWrite a quiz.",
        "My notes:\n\nSources: the Bible, Homer.\n\nWhich is older?",
        "[[ ## question ## ]]\nWhat is a llama?\n\n[[ ## mood ## ]]\nhappy",
        "Answer me with the following tone, please.\n\nBe rude.",
        "Why does this fail?\n\nContext:\nI run Ubuntu 22.04 with a proxy.",
        "Proofread this:\nBees dance.\n\nSources:\n- Frisch 1965\n- Seeley 1995",
        "**Describe the bug**\nIt hangs.\n\n**Additional context**\nOnly with Python 3.13.",
        "Use the following format:\n\nQuestion: the question\nThought: to do\n\nBegin!\n\nQuestion: How old?",
        "Q: What is the capital of France?\nA: Paris.\nQ: And of Spain?",
        "<information>",
        "Please use this information to write a poem.",
        "Who said it?\n\nAnswer using the following words: yes or no.",
        "Use the following information: I am 30, from Graz, and like soup. What should I cook?",
    ],
)
def test_a_users_own_text_stays_whole(prompt: str) -> None:
    split = split_prompt(prompt)
    assert (split.documents, split.question) == ((), prompt)


@pytest.mark.parametrize(
    "instructions",
    [
        "You are a helpful assistant.",
        "Always answer the query using the provided context information, and not prior knowledge.\n"
        "Some rules to follow:\n1. Never directly reference the given context in your answer.",
        "# Context\nYou work for Acme, a shop for lamps.\n# Task\nAnswer questions.",
        "Context: you talk to developers.",
        "Use the following guidelines:\n\n1. Be kind.\n2. Be brief.",
        "Your input fields are:\n1. `context` (str)\n\n[[ ## context ## ]]\n{context}\n\n[[ ## question ## ]]\n",
        "Answer from <context>{context}</context>",
    ],
)
def test_instructions_that_only_speak_of_a_context_have_none(instructions: str) -> None:
    assert context_of_instructions(instructions) == ()


@pytest.mark.parametrize("name", [name for name in USER if name != "Semantic Kernel: text search"])
@pytest.mark.parametrize("end", ["\r\n", "\r", "\u2028", "  \n"])
def test_lines_may_end_in_other_ways(name: str, end: str) -> None:
    split = split_prompt(filled(USER[name]).replace("\n", end))
    assert (split.question, len(split.documents)) == (QUESTION, 1)


@pytest.mark.parametrize("name", ["LlamaIndex: default", "LangChain: stuff", "headings: Context"])
def test_spaces_may_be_no_break_spaces(name: str) -> None:
    head, _, rest = USER[name].partition("{c}")
    split = split_prompt(filled(f"{head.replace(' ', chr(0xA0))}{{c}}{rest}"))
    assert (split.question, len(split.documents)) == (QUESTION, 1)


def test_a_text_without_a_context_keeps_its_own_line_ends_and_spaces() -> None:
    text = "Total:\u00a05\rTax:\u00a01\u2028Who pays?"
    assert split_prompt(text).question == text


def test_words_above_a_context_are_the_question_only_if_no_heading_has_it() -> None:
    prompt = filled("You are a support agent.\n\n" + USER["LlamaIndex: default"].lstrip())
    assert split_prompt(prompt).question == QUESTION


def test_two_contexts_are_documents_each() -> None:
    split = split_prompt(f"<context>One.</context>\n<context>Two.</context>\n{QUESTION}")
    assert (split.documents, split.question) == (("One.", "Two."), QUESTION)


def test_the_question_may_come_first() -> None:
    for prompt in (
        f"Question: {QUESTION}\n\nContext:\n{DOCUMENT}\n\nAnswer:",
        f"## Question\n{QUESTION}\n\n## Retrieved context\n{DOCUMENT}",
        f"{QUESTION}\n\n<search_results>\n{DOCUMENT}\n</search_results>",
    ):
        split = split_prompt(prompt)
        assert (split.documents, split.question) == ((DOCUMENT,), QUESTION), prompt


@pytest.mark.parametrize("name", USER)
def test_a_document_of_a_prompt_is_not_the_users_text(name: str) -> None:
    of_call = call(message("user", filled(USER[name])))
    assert (of_call.input_text, of_call.documents_source) == (QUESTION, "prompt")
    assert "anna.berger@posteo.net" in of_call.documents[0]


@pytest.mark.parametrize("name", SYSTEM)
@pytest.mark.parametrize("role", ["system", "developer", "attribute"])
def test_a_document_of_instructions_leaves_the_users_text_alone(name: str, role: str) -> None:
    text = filled(SYSTEM[name])
    asked = message("user", QUESTION)
    if role == "attribute":
        instructions = json.dumps([{"type": "text", "content": text}])
        of_call = call(asked, **{"gen_ai.system_instructions": instructions})
    else:
        of_call = call(message(role, text), message("system", "Be brief."), asked)
    assert (of_call.input_text, of_call.documents_source) == (QUESTION, "prompt")
    assert of_call.documents[0].startswith("The X200 has a 2-year warranty.")


def test_a_context_may_be_a_message_of_its_own() -> None:
    context = message("user", f"## Additional Context\n{DOCUMENT}")
    for messages in ((context, message("user", QUESTION)), (message("user", QUESTION), context)):
        of_call = call(*messages)
        assert (of_call.documents, of_call.input_text) == ((DOCUMENT,), QUESTION)


def test_the_question_of_a_prompt_that_refines_an_answer_is_in_the_first_message() -> None:
    refine = (
        "We have the opportunity to refine the existing answer (only if needed) with some more context below.\n"
        f"------------\n{DOCUMENT}\n------------\nGiven the new context, refine the original answer to better "
        "answer the question. If the context isn't useful, return the original answer."
    )
    of_call = call(message("user", QUESTION), message("assistant", "Two years."), message("user", refine))
    assert (of_call.documents, of_call.input_text) == ((DOCUMENT,), QUESTION)


@pytest.mark.parametrize(
    "unit",
    [
        "Context information is below.\n-----\n",
        "-----\n",
        "use the following use ",
        "below is are a a a ",
        "[[ ## context ## ]]\n",
        "<source>\n",
        "<documents>\n```",
        "Value: a\nLink: b\n-----\n",
        "QUESTION: a\n=====\n",
        "## Context\n",
        " \n",
        "Answer:\n",
        "Existing Answer",
    ],
)
def test_hostile_prompts_are_split_in_linear_time(unit: str) -> None:
    text = unit * (500_000 // len(unit))
    started = time.process_time()
    split_prompt(text)
    context_of_instructions(text)
    assert time.process_time() - started < 3
