"""Spans of the newest libraries with a card number in the input and an insult in the answer."""

import json

import pytest
from support.captured import FOLDER, body_of, captured, written

CARD = "My card is 4539 1488 0343 6467. Is it valid?"
INSULT = "You are a worthless idiot, go die."
LITELLM, CONTENT, NO_CONTENT = (
    "newest/litellm_1.110.2",
    "newest/pydantic_ai_2.68.0_content",
    "newest/pydantic_ai_2.68.0_no_content",
)


def test_litellms_completions_responses_and_messages_are_calls_and_its_embedding_is_none() -> None:
    found = captured(LITELLM)
    assert [outline.kind for outline in found.outlines] == ["call"] * 6 + ["other"]
    assert [call.operation for call in found.calls] == ["chat"] * 6
    assert {(call.input_text, call.output_text) for call in found.calls} == {(CARD, INSULT)}
    assert all(call.usage.output_tokens and call.request_model for call in found.calls)
    assert [call.system for call in found.calls].count("Be brief.") >= 1
    assert all(call.problems == () for call in found.calls)


def test_pydantic_ais_calls_are_read_once_and_its_agents_are_none() -> None:
    found = captured(CONTENT)
    assert sorted(outline.kind for outline in found.outlines) == ["call"] * 4 + ["context"] + ["other"] * 3
    assert {outline.operation for outline in found.outlines if outline.kind == "other"} == {"invoke_agent"}
    first, asked, answered, streamed = found.calls
    assert {(call.input_text, call.output_text) for call in (first, streamed)} == {(CARD, INSULT)}
    assert first.system == "Be brief."
    assert written(asked.output) == [("assistant", 'weather{"city": "Berlin"}', "tool_call")]
    assert (answered.output_text, answered.documents) == ("Take an umbrella.", ("It is rainy in Berlin.",))


def test_pydantic_ai_without_content_has_calls_with_tokens_and_nothing_wrong() -> None:
    found = captured(NO_CONTENT)
    assert len(found.calls) == 4
    for call in found.calls:
        assert (call.input_text, call.output_text, call.has_content, call.problems) == ("", "", False, ())
        assert call.usage.input_tokens
        assert call.usage.output_tokens
    assert b"4539" not in body_of(NO_CONTENT, "traces")


@pytest.mark.parametrize("name", [LITELLM, CONTENT, NO_CONTENT])
def test_a_capture_names_what_made_it(name: str) -> None:
    library, version = json.loads((FOLDER / f"{name}.json").read_text())["captured_with"].split()
    assert version in name
    assert library
