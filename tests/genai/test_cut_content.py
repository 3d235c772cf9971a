"""Content that a limit has cut: the texts before the cut are read, and the call says that the rest is missing."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.spans import chat_attributes, message, span

from otel_llm.evaluate.api import EvaluatorManifest
from otel_llm.evaluate.definition.result import Result
from otel_llm.evaluate.definition.scoring import checked_results
from otel_llm.genai.call import Call
from otel_llm.genai.decode import read_span
from otel_llm.text.cut_json import complete_json

INSULT = "You are a worthless idiot."
MANIFEST = EvaluatorManifest(
    folder="/nowhere",
    name="odd",
    version="1",
    kind="python",
    code="a:B",
    targets=["output"],
    scores="x",
    threshold=0.5,
)
LONG = json.dumps(
    [message("system", "Be brief."), message("user", "My card is 4539 1488 0343 6467, is it valid?")]
)


def call(attributes: dict[str, Any]) -> Call:
    return read_span(span(attributes).SerializeToString()).call("shop")


def cut_input(text: str) -> Call:
    return call(chat_attributes(answer=INSULT) | {"gen_ai.input.messages": text})


@pytest.mark.parametrize("length", range(1, len(LONG)))
@pytest.mark.parametrize("mark", ["", "…", "...", "...[truncated]", "… [TRUNCATED]", "<truncated 12 characters>"])
def test_a_cut_input_costs_no_output_and_keeps_the_texts_before_the_cut(length: int, mark: str) -> None:
    read = cut_input(LONG[:length] + mark)
    assert read.output_text == INSULT
    if length > 3:
        assert read.is_cut("input")
    assert not read.is_cut("output")
    whole = [each["parts"][0]["content"] for each in json.loads(LONG)]
    texts = [each.text for each in read.input if each.text]
    assert length < 4 or all(whole[index].startswith(text) for index, text in enumerate(texts))
    said_until = LONG[:length].rpartition('"content": "')[2]
    assert '"content": "' not in LONG[:length] or said_until.partition('"')[0].strip() in {*texts, ""}


def test_a_whole_input_is_not_cut() -> None:
    assert cut_input(LONG).problems == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[{"role":"user","content":"caf\\u00e9 \\u00', "caf\u00e9 "),
        ('[{"role":"user","content":"a\\', "a"),
        ('[{"role":"user","content":"smile \\ud83d', "smile "),
        ('[{"role":"user","content":"smile \\ud83d\\ude00 and', "smile \N{GRINNING FACE} and"),
        ('[{"role":"user","content":"a"},{"role":"assistant","conte', "a"),
        ('[{"role":"user","content":"a"},', "a"),
        ('[{"role":"user","content":"a","n":12', "a"),
        ('{"role":"user","content":"a', "a"),
        ('["first", "second one', "second one"),
        ('[{"role":"user","content":[{"text":"Where is my par', "Where is my par"),
        ('[{"content":"Where is my par', "Where is my par"),
        ('[{"role":"user","parts":[{"content":"Where is my par', "Where is my par"),
        ('"[{\\"role\\":\\"user\\",\\"content\\":\\"twice enc', "twice enc"),
        ('[{"role":"user","parts":[{"type":"text","content":"a"},{"type":"te', "a"),
    ],
)
def test_the_text_at_the_cut_is_read_as_far_as_it_goes(text: str, expected: str) -> None:
    read = cut_input(text)
    assert (read.input_text, read.is_cut("input"), read.output_text) == (expected, True, INSULT)


def test_json_that_is_malformed_in_the_middle_is_read_up_to_there_and_is_not_cut() -> None:
    read = cut_input('[{"role":"user","content":"a"}, oh, {"role":"user","content":"b"}]')
    assert (read.input_text, [problem.reason for problem in read.problems]) == ("a", ["malformed"])
    read = cut_input('[{"role":"user","content":"a"},]')
    assert (read.input_text, [problem.reason for problem in read.problems]) == ("a", ["malformed"])
    read = cut_input('[{"role":"user","content":"two\nlines"}]')
    assert (read.input_text, read.problems) == ("two\nlines", ())


def test_vercels_cut_input_costs_no_output() -> None:
    read = call(
        {
            "ai.operationId": "ai.generateText.doGenerate",
            "ai.prompt.messages": '[{"role":"user","content":[{"type":"text","text":"My card is 45',
            "ai.response.text": INSULT,
            "ai.response.toolCalls": '[{"toolCallId":"1","toolName":"f","input":"{\\"a',
        }
    )
    assert (read.input_text, read.output_text) == ("My card is 45", INSULT)
    assert {(problem.attribute, problem.reason) for problem in read.problems} == {
        ("ai.prompt.messages", "cut"),
        ("ai.response.toolCalls", "cut"),
    }


@pytest.mark.parametrize(
    "attributes",
    [
        {"llm.request.type": "chat", "gen_ai.prompt.0.content": '[{"type": "text", "text": "My card is 45'},
        {"gen_ai.system": "openai", "gen_ai.request.model": "m", "gen_ai.prompt": '[{"content": "My card is 45'},
        {"litellm.call_id": "1", "gen_ai.operation.name": "chat",
         "gen_ai.input.messages": '[{"role": "user", "parts": [{"type": "text", "content": "My card is 45'},
    ],
)  # fmt: skip
def test_every_dialects_cut_json_is_read(attributes: dict[str, Any]) -> None:
    read = call(attributes)
    assert (read.input_text, read.is_cut("input")) == ("My card is 45", True)


def test_a_text_that_was_cut_within_a_character_is_read() -> None:
    whole = span({"gen_ai.operation.name": "chat", "gen_ai.output.messages": "Grüße"}).SerializeToString()
    read = read_span(whole.replace("ü".encode(), b"\xc3?")).call("shop")
    assert read.output_text == "Gr\N{REPLACEMENT CHARACTER}?ße"


def test_documents_that_were_cut_say_so() -> None:
    read = call(chat_attributes() | {"otel_llm.documents": '["Delivery takes 3 days.", "Returns are fr'})
    assert read.documents == ("Delivery takes 3 days.", "Returns are fr")
    assert read.has_cut_documents


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=4), children, max_size=4),
    max_leaves=20,
)


@given(_json, st.data(), st.booleans())
def test_whatever_is_completed_is_json(value: object, data: st.DataObject, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    completed = complete_json(text[: data.draw(st.integers(0, len(text)))])
    assert completed is None or json.loads(completed.text) is not ...


@given(st.text(st.sampled_from('[]{}",: \\u0ae1…'), max_size=40))
def test_arbitrary_text_is_completed_or_not(text: str) -> None:
    completed = complete_json(text)
    assert completed is None or completed.text.count('"') >= 1 or completed.text


@pytest.mark.parametrize(
    "text", ['["' + "\\" * 2_000_001, "[" * 2_000_000, '["a' + "[truncated " * 200_000, '[""' * 10**6]
)
def test_time_is_linear(text: str) -> None:
    start = time.process_time()
    complete_json(text)
    assert time.process_time() - start < 5


@pytest.mark.parametrize(
    ("label", "score", "explanation", "expected"),
    [
        ("pass", 0.1, None, ("partial", "the text was cut before it came")),
        ("fail", 0.9, "why", ("fail", "why; the text was cut before it came")),
        ("not_applicable", None, None, ("not_applicable", None)),
    ],
)
def test_a_pass_of_a_text_that_was_cut_is_partial(
    label: Any, score: float | None, explanation: str | None, expected: tuple[str, str | None]
) -> None:
    read = call(chat_attributes() | {"gen_ai.output.messages": '[{"role":"assistant","content":"You are a wor'})
    given = Result(
        call=read, evaluator="odd", version="1", target="output", label=label, score=score, explanation=explanation
    )
    [checked] = checked_results([given], MANIFEST, read)
    assert (checked.label, checked.explanation) == expected
    whole = call(chat_attributes())
    [same] = checked_results(
        [Result(call=whole, evaluator="odd", version="1", target="output", label=label, score=score)],
        MANIFEST,
        whole,
    )
    assert (same.label, same.explanation) == (label, None)


def test_a_failure_against_documents_that_were_cut_says_so() -> None:
    read = call(chat_attributes() | {"otel_llm.documents": '["Delivery takes 3 da'})
    given = Result(call=read, evaluator="odd", version="1", target="output", label="fail", score=0.9)
    [checked] = checked_results([given], MANIFEST, read)
    assert (checked.label, checked.explanation) == ("fail", "the documents were cut before they came")
