"""Content in events of the span itself, of the names that log records have too."""

import json
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from otlp_sink import key_values
from support.captured import captured, written
from support.spans import message, span

from otel_llm.genai.call import Call
from otel_llm.genai.decode import SpanOutline, read_span

DETAILS = "gen_ai.client.inference.operation.details"
ASKED, ANSWERED = [("user", "When?")], [("assistant", "At 9.", "stop")]
BARE = {"gen_ai.operation.name": "chat", "gen_ai.system": "strands-agents", "gen_ai.request.model": "m"}
NEWEST = ["newest/strands_agents_1.62.0", "newest/strands_agents_1.62.0_latest"]
CARD = "My card is 4539 1488 0343 6467. Is it valid?"


def outline(*events: tuple[str, dict[str, Any]], attributes: dict[str, Any] | None = None) -> SpanOutline:
    of_span = [Span.Event(name=name, attributes=key_values(values)) for name, values in events]
    return read_span(span(BARE if attributes is None else attributes, events=of_span).SerializeToString())


def call(*events: tuple[str, dict[str, Any]], attributes: dict[str, Any] | None = None) -> Call:
    found = outline(*events, attributes=attributes)
    assert found.has_content
    return found.call("shop")


def text(content: object) -> str:
    return json.dumps(content)


STRANDS = (
    ("gen_ai.system.message", {"content": text([{"text": "Be brief."}])}),
    ("gen_ai.user.message", {"content": text([{"text": "When?"}])}),
    ("gen_ai.choice", {"message": text([{"text": "At 9."}]), "finish_reason": "stop"}),
)
LATEST = (
    (DETAILS, {"gen_ai.system_instructions": text([{"type": "text", "content": "Be brief."}])}),
    (DETAILS, {"gen_ai.input.messages": text([message("user", "When?")])}),
    (DETAILS, {"gen_ai.output.messages": text([message("assistant", "At 9.") | {"finish_reason": "stop"}])}),
)
AZURE = (
    ("gen_ai.system.message", {"gen_ai.event.content": text({"role": "system", "content": "Be brief."})}),
    ("gen_ai.user.message", {"gen_ai.event.content": text({"role": "user", "content": "When?"})}),
    (
        "gen_ai.choice",
        {"gen_ai.event.content": text({"message": {"content": "At 9."}, "finish_reason": "stop", "index": 0})},
    ),
)
PLAIN = (
    ("gen_ai.system.message", {"content": "Be brief.", "role": "system"}),
    ("gen_ai.user.message", {"content": "When?"}),
    ("gen_ai.choice", {"content": "At 9.", "finish_reason": "stop", "index": 0}),
)
STRUCTURED = (
    ("gen_ai.system.message", {"content": "Be brief."}),
    ("gen_ai.user.message", {"content": [{"type": "text", "text": "When?"}]}),
    ("gen_ai.choice", {"message": {"role": "assistant", "content": "At 9."}, "finish_reason": "stop"}),
)


@pytest.mark.parametrize("events", [STRANDS, LATEST, AZURE, PLAIN, STRUCTURED])
def test_the_content_of_span_events_is_that_of_the_call(events: tuple[tuple[str, dict[str, Any]], ...]) -> None:
    found = call(*events)
    assert (found.system, written(found.input), written(found.output)) == ("Be brief.", ASKED, ANSWERED)
    assert (found.input_text, found.output_text, found.problems) == ("When?", "At 9.", ())


@pytest.mark.parametrize(
    "attributes",
    [
        {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "p"},
        {"gen_ai.system": "p", "gen_ai.request.model": "m"},
        {"llm.request.type": "chat", "gen_ai.system": "p"},
        {"openinference.span.kind": "LLM"},
        {"litellm.call_id": "1", "gen_ai.operation.name": "completion"},
        {"ai.operationId": "ai.generateText.doGenerate"},
    ],
)
def test_span_events_are_read_in_every_dialect(attributes: dict[str, Any]) -> None:
    found = call(*STRANDS, attributes=attributes)
    assert (written(found.input), written(found.output)) == (ASKED, ANSWERED)


def test_tools_in_span_events_are_calls_and_results() -> None:
    use = {"toolUse": {"toolUseId": "1", "name": "clock", "input": {"zone": "CET"}}}
    result = {"toolResult": {"toolUseId": "1", "status": "success", "content": [{"text": "09:00"}]}}
    found = call(
        ("gen_ai.user.message", {"content": text([{"text": "When?"}])}),
        ("gen_ai.assistant.message", {"content": text([use])}),
        ("gen_ai.tool.message", {"content": text([result])}),
        ("gen_ai.choice", {"message": text([{"text": "Again."}, use]), "finish_reason": "tool_use"}),
    )
    called = 'clock{"zone": "CET"}'
    assert written(found.input) == [*ASKED, ("assistant", called), ("tool", "09:00")]
    assert written(found.output) == [("assistant", "Again.", called, "tool_call")]
    assert (found.documents, found.documents_source) == (("09:00",), "tools")


def test_tool_calls_and_tool_results_may_be_fields_of_their_own() -> None:
    calls = [{"id": "1", "type": "function", "function": {"name": "clock", "arguments": "{}"}}]
    found = call(
        ("gen_ai.assistant.message", {"tool_calls": text(calls)}),
        ("gen_ai.tool.message", {"id": "1", "content": text({"content": "x", "temperature": 57})}),
    )
    assert written(found.input) == [("assistant", "clock{}"), ("tool", '{"content": "x", "temperature": 57}')]


@pytest.mark.parametrize(
    "said", ['[{"a": 1, "text": "x"}]', '{"a": 1}', "[1, 2]", "[{not json", '"hi"', "[x] When?"]
)
def test_a_text_that_only_looks_like_json_is_what_the_user_said(said: str) -> None:
    assert call(("gen_ai.user.message", {"content": said})).input_text == said


def test_attributes_come_before_events() -> None:
    attributes = BARE | {"gen_ai.output.messages": text([message("assistant", "Own.")])}
    found = call(*STRANDS, attributes=attributes)
    assert (written(found.input), written(found.output)) == (ASKED, [("assistant", "Own.")])


@pytest.mark.parametrize(
    "events",
    [
        (),
        (("gen_ai.user.message", {"role": "user"}), ("gen_ai.choice", {"index": 0, "finish_reason": "stop"})),
        ((DETAILS, {"gen_ai.operation.name": "chat"}),),
        (("exception", {"message": "When?"}), ("gen_ai.content.completion.chunk", {"content": "When?"})),
        (("gen_ai.evaluation.result", {"content": "When?"}),),
    ],
)
def test_other_events_and_events_without_content_leave_the_call_to_its_log_records(events: Any) -> None:
    found = outline(*events)
    assert not found.has_content
    content = found.call("shop")
    assert (content.input_text, content.output_text, content.system) == ("", "", "")


def test_an_event_that_cannot_be_read_costs_itself_alone() -> None:
    bad = (DETAILS, {"gen_ai.input.messages": 7})
    found = call(bad, *LATEST[1:])
    assert (written(found.input), written(found.output)) == (ASKED, ANSWERED)
    assert [problem.attribute for problem in found.problems] == ["gen_ai.input.messages"]


def test_an_event_that_was_cut_is_read_as_far_as_it_goes() -> None:
    cut = text([{"text": "My card is 4539 1488 0343 6467 and more"}])[:45]
    found = call(("gen_ai.user.message", {"content": cut}))
    assert found.input_text.startswith("My card is 4539 1488 0343 64")
    assert found.is_cut("input")


@pytest.mark.parametrize("name", NEWEST)
def test_the_calls_of_strands_are_read(name: str) -> None:
    found = captured(name)
    assert [each.has_content for each in found.outlines if each.kind == "call"] == [True] * 3
    first, called, last = found.calls
    assert (first.system, first.input_text) == ("Be brief.", CARD)
    assert first.output_text == "You are a worthless idiot, go die."
    assert written(called.output) == [
        ("assistant", 'http_post{"card": "4539 1488 0343 6467", "password": "Xk9#mQ2v7Lp"}', "tool_call")
    ]
    assert (last.input_text, last.output_text) == ("Finish.", "Take an umbrella.")
    assert last.tool_results == ("Accepted. Receipt to anna.berger@posteo.net.",)
    assert {each.problems for each in found.calls} == {()}


@pytest.mark.parametrize("name", ["newest/openllmetry_0.62.4", "newest/openinference_0.1.66"])
def test_the_calls_of_the_instrumentations_of_openai_are_read(name: str) -> None:
    found = captured(name)
    assert [each.kind for each in found.outlines] == ["call"] * 5
    for whole in found.calls[:3]:  # chat, streamed chat, the Responses API
        assert (whole.input_text, whole.output_text) == (CARD, "You are a worthless idiot, go die.")
        assert (whole.usage.input_tokens, whole.usage.output_tokens) == (14, 8)
    called, last = found.calls[3:]
    assert [(part.type, part.name) for part in called.output[0].parts] == [("tool_call", "http_post")]
    assert (last.input_text, last.tool_results) == ("Finish.", ("Accepted. Receipt to anna.berger@posteo.net.",))
