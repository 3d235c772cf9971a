"""Spans that real libraries exported, all of the same four calls: whole, streamed, with tools, failed."""

import dataclasses

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from support.captured import NAMES, Captured, body_of, captured, written

from otel_llm.genai.call import Call, Usage
from otel_llm.genai.decode import SpanOutline, with_documents
from otel_llm.otlp.requests import read_spans

QUESTION = ("user", "What is the capital of France?")
ANSWER = ("assistant", "Paris is the capital of France.", "stop")
TOOL_HISTORY = [
    ("user", "Weather in Paris?"),
    ("assistant", 'weather{"city": "Paris"}'),
    ("tool", "rainy, 57F"),
    ("user", "And in Berlin?"),
]
TOOL_CALL = ("assistant", 'weather{"city": "Berlin"}', "tool_call")
OPENAI_NAMES = [name for name in NAMES if name != "vercel"]
DIALECTS = {
    "litellm": "litellm",
    "openai_v2_event": "genai",
    "openai_v2_legacy": "genai_legacy",
    "openai_v2_span": "genai",
    "openinference": "openinference",
    "openllmetry": "openllmetry",
    "openllmetry_old": "openllmetry",
    "own": "genai",
    "vercel": "vercel",
}


def by_kind(found: Captured, kind: str) -> list[SpanOutline]:
    return [outline for outline in found.outlines if outline.kind == kind]


def parents_of(name: str) -> dict[str, str]:
    """The parent's id of each span by the span's own; of the root, none."""
    resources = read_spans(body_of(name, "traces"))
    spans = [Span.FromString(span) for _, own in resources for span in own]
    return {span.span_id.hex(): span.parent_span_id.hex() for span in spans}


def first_calls(name: str) -> list[Call]:
    calls = captured(name).calls
    assert len(calls) >= 4
    return calls[:4]


def test_there_is_a_capture_of_every_dialect() -> None:
    assert sorted(DIALECTS) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_calls_are_of_their_dialect_and_service(name: str) -> None:
    found = captured(name)
    assert {outline.dialect for outline in by_kind(found, "call")} == {DIALECTS[name]}
    assert {call.service for call in found.calls} == {"captured"}
    assert {call.operation for call in found.calls} == {"chat"}
    assert all(call.duration_s > 0 and call.start_ns > 0 for call in found.calls)


@pytest.mark.parametrize("name", NAMES)
def test_a_whole_call_is_read(name: str) -> None:
    call = first_calls(name)[0]
    system = [] if call.system else [("system", "Be brief.")]
    assert written(call.input) == [*system, QUESTION]
    assert call.system in {"", "Be brief."}
    assert written(call.output) == [ANSWER]
    assert call.input_text == QUESTION[1]
    assert call.output_text == ANSWER[1]
    assert call.usage == Usage(
        input_tokens=12, output_tokens=7, cost_usd=pytest.approx(2.6e-05) if name == "litellm" else None
    )
    assert call.request_model == "scripted"
    assert call.provider == ("local.chat" if name == "vercel" else "openai")
    assert call.error_type is None
    if name != "openinference":
        assert call.response_model == "scripted"
        assert call.response_id
        assert call.response_id.startswith("chatcmpl-")


@pytest.mark.parametrize("name", NAMES)
def test_a_streamed_call_is_read(name: str) -> None:
    call = first_calls(name)[1]
    assert written(call.input) == [QUESTION]
    assert written(call.output) == [ANSWER]
    # this instrumentation says nothing of streams
    assert call.stream == (not name.startswith("openai_v2"))
    assert (call.time_to_first_chunk_s is not None) == (name in {"own", "openinference", "vercel"})
    if call.time_to_first_chunk_s is not None:
        assert 0 < call.time_to_first_chunk_s <= call.duration_s


@pytest.mark.parametrize("name", OPENAI_NAMES)
def test_a_call_with_tools_is_read(name: str) -> None:
    call = first_calls(name)[2]
    expected = list(TOOL_HISTORY)
    if name in {"openai_v2_event", "openai_v2_span"}:
        expected[-1] = ("user",)  # it drops content that is a list of parts
    assert written(call.input) == expected
    assert written(call.output) == [TOOL_CALL]
    assert (call.documents, call.documents_source) == (("rainy, 57F",), "tools")


@pytest.mark.parametrize("name", NAMES)
def test_a_failed_call_is_read(name: str) -> None:
    found = captured(name)
    [failed] = [outline for outline in by_kind(found, "call") if outline.failed]
    [call] = [call for call in found.calls if call.span_id == failed.span_id]
    assert written(call.input) == [("user", "Be overloaded.")]
    assert call.output == ()
    expected = {"openinference": "openai.RateLimitError", "vercel": "AI_APICallError"}.get(name, "RateLimitError")
    assert call.error_type == expected


@pytest.mark.parametrize("name", ["openllmetry", "openllmetry_old", "openinference"])
def test_documents_of_retrievals_and_tools_go_to_the_answer_of_their_trace(name: str) -> None:
    found = captured(name)
    answer = found.calls[-1]
    assert answer.output_text == "A llama is a camelid."
    documents = found.documents(answer.trace_id)
    assert documents[:2] == ["rainy in Paris", "Llamas are domesticated camelids of South America."]
    joined = with_documents(answer, documents)
    assert joined == dataclasses.replace(answer, documents=tuple(documents), documents_source="trace")
    assert found.documents(found.calls[0].trace_id) == []
    # the spans around it, workflows and chains, are nothing to evaluate
    others = [outline for outline in by_kind(found, "other") if outline.trace_id == answer.trace_id]
    parents = parents_of(name)
    assert [parents[outline.span_id] for outline in others] == [""]
    assert answer.conversation_id == "session-1"
    assert answer.user_id == "user-1"


def test_openinference_says_which_prompt_it_was() -> None:
    assert captured("openinference").calls[-1].prompt_version == "3"


def test_vercels_outer_spans_are_not_evaluated_a_second_time() -> None:
    found = captured("vercel")
    outer = by_kind(found, "other")
    assert len(outer) == 4
    assert len(found.calls) == 5
    ids, parents = {outline.span_id for outline in outer}, parents_of("vercel")
    assert all(parents[outline.span_id] in ids for outline in by_kind(found, "call"))


def test_vercels_tools_are_read() -> None:
    found = captured("vercel")
    asked, answered = found.calls[2:4]
    assert written(asked.output) == [TOOL_CALL]
    assert written(answered.input) == [
        ("user", "Weather in Berlin?"),
        ("assistant", 'weather{"city": "Berlin"}'),
        ("tool", "rainy in Berlin"),
        ("user", "Finish."),
    ]
    assert found.documents(asked.trace_id) == ["rainy in Berlin"]
    assert (asked.conversation_id, asked.user_id, asked.prompt_name) == ("session-1", "user-1", "capital")


def test_litellms_copy_of_the_raw_request_is_passed_by() -> None:
    assert [outline.kind for outline in captured("litellm").outlines] == ["call"] * 4
    assert body_of("litellm", "traces").count(b"raw_gen_ai_request") == 3


@pytest.mark.parametrize("name", NAMES)
def test_an_outline_knows_whether_content_is_on_its_span(name: str) -> None:
    on_span = {outline.has_content for outline in by_kind(captured(name), "call")}
    assert on_span == {name not in {"openai_v2_event", "openai_v2_legacy"}}
