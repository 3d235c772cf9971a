"""Content that comes as log records, apart from its span."""

import json
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from otlp_sink import any_value, key_values
from support.captured import captured, written
from support.spans import SPAN_ID, TRACE_ID, message, span

from otel_llm.errors import DecodeError
from otel_llm.genai.call import Call, Message, Part
from otel_llm.genai.decode import ContentEvent, read_content_events, read_span, with_content, with_documents

DETAILS = "gen_ai.client.inference.operation.details"
USER = Message("user", (Part("text", "When?"),))
ANSWER = Message("assistant", (Part("text", "At 9."),))


def record(
    name: str = "", *, body: Any = None, attributes: dict[str, Any] | None = None, **fields: Any
) -> LogRecord:
    ids = {"trace_id": bytes.fromhex(TRACE_ID), "span_id": bytes.fromhex(SPAN_ID)}
    attributes = {"gen_ai.system": "openai"} if attributes is None else attributes
    return LogRecord(
        **ids | {"event_name": name, "body": any_value(body), "attributes": key_values(attributes)} | fields
    )


def logs(*records: LogRecord) -> bytes:
    scopes = [ScopeLogs(log_records=records)]
    return ExportLogsServiceRequest(resource_logs=[ResourceLogs(scope_logs=scopes)]).SerializeToString()


def only_event(*records: LogRecord) -> ContentEvent:
    events, reasons = read_content_events(logs(*records))
    assert reasons == []
    [event] = events
    return event


def bare_call(**attributes: Any) -> Call:
    named = {"gen_ai.operation.name": "chat"} | attributes
    return read_span(span(named).SerializeToString()).call("shop")


def event(*input_: Message, output: tuple[Message, ...] = (), system: str = "") -> ContentEvent:
    return ContentEvent(TRACE_ID, SPAN_ID, input_, output, system)


@pytest.mark.parametrize("name", ["openai_v2_event", "openai_v2_legacy"])
def test_without_its_events_a_captured_call_has_no_content(name: str) -> None:
    found = captured(name)
    bare = [outline.call("captured") for outline in found.outlines]
    assert all(call.input == call.output == () for call in bare)
    assert {each.span_id for each in found.events} == {call.span_id for call in bare}


@pytest.mark.parametrize("as_text", [False, True])
def test_details_of_an_operation_have_its_whole_content(as_text: bool) -> None:
    content = {
        "gen_ai.input.messages": [message("user", "When?")],
        "gen_ai.output.messages": [message("assistant", "At 9.")],
        "gen_ai.system_instructions": [{"type": "text", "content": "Be brief."}],
    }
    written = {name: json.dumps(value) for name, value in content.items()} if as_text else content
    expected = event(USER, output=(ANSWER,), system="Be brief.")
    assert only_event(record(DETAILS, attributes=written)) == expected
    assert only_event(record(DETAILS, body=written)) == expected


@pytest.mark.parametrize(
    ("name", "body", "expected"),
    [
        ("gen_ai.user.message", {"content": "When?"}, event(USER)),
        ("gen_ai.user.message", '{"content": "When?"}', event(USER)),
        ("gen_ai.user.message", "When?", event(USER)),
        ("gen_ai.system.message", {"content": "Be brief."}, event(system="Be brief.")),
        (
            "gen_ai.assistant.message",
            {"tool_calls": [{"type": "function", "function": {"name": "clock", "arguments": "{}"}}]},
            event(Message("assistant", (Part("tool_call", "{}", "clock"),))),
        ),
        (
            "gen_ai.tool.message",
            {"id": "1", "content": "09:00"},
            event(Message("tool", (Part("tool_call_response", "09:00"),))),
        ),
        (
            "gen_ai.choice",
            {"index": 0, "finish_reason": "stop", "message": {"content": "At 9."}},
            event(output=(Message("assistant", (Part("text", "At 9."),), "stop"),)),
        ),
        (
            "gen_ai.choice",  # the answer has come, though its content is not captured
            {"index": 0, "finish_reason": "tool_calls", "message": {"role": "assistant"}},
            event(output=(Message("assistant", (), "tool_call"),)),
        ),
    ],
)
def test_events_of_before_1_37_have_a_message_each(name: str, body: object, expected: ContentEvent) -> None:
    assert only_event(record(name, body=body)) == expected
    in_attribute = record(body=body, attributes={"event.name": name})
    assert only_event(in_attribute) == expected


@pytest.mark.parametrize(
    ("name", "attributes", "expected"),
    [
        ("gen_ai.user.message", {"content": '[{"text": "When?"}]'}, event(USER)),
        ("gen_ai.user.message", {"gen_ai.event.content": '{"role": "user", "content": "When?"}'}, event(USER)),
        (
            "gen_ai.choice",
            {"message": '[{"text": "At 9."}]', "finish_reason": "stop"},
            event(output=(Message("assistant", (Part("text", "At 9."),), "stop"),)),
        ),
    ],
)
def test_records_may_have_the_message_in_attributes_as_span_events_have(
    name: str, attributes: dict[str, Any], expected: ContentEvent
) -> None:
    assert only_event(record(name, attributes=attributes | {"gen_ai.system": "p"})) == expected


def test_records_without_content_are_passed_by() -> None:
    nothing = [
        record("gen_ai.user.message", body={}),
        record(DETAILS, attributes={"gen_ai.operation.name": "chat"}),
        record("gen_ai.evaluation.result", attributes={"gen_ai.evaluation.name": "toxicity"}),
        record("", body="a line of a log about gen_ai.user.message"),
    ]
    assert read_content_events(logs(*nothing)) == ([], [])


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (record("gen_ai.user.message", body={"content": "When?"}, trace_id=b""), "trace_id must be 16 bytes"),
    ],
)
def test_a_malformed_record_costs_only_itself(bad: LogRecord, reason: str) -> None:
    good = record("gen_ai.user.message", body={"content": "When?"})
    events, [said] = read_content_events(logs(good, bad, good))
    assert events == [event(USER), event(USER)]
    assert reason in said.reason


@pytest.mark.parametrize(
    ("odd", "expected"),
    [
        (record("gen_ai.user.message", body={"content": 3}), [("user", "3")]),
        (record("gen_ai.user.message", body="{no"), [("user", "{no")]),
        (record("gen_ai.user.message", body='{"content": "When wa'), [("user", "When wa")]),
        (
            record("gen_ai.choice", body={"message": {"tool_calls": [{}], "content": "So."}}),
            [("assistant", "So.", "")],
        ),
        (
            record("gen_ai.choice", body={"message": {"content": "<think>Hm.</think>So."}}),
            [("assistant", "Hm.", "So.")],
        ),
        (record("gen_ai.choice", body="So."), [("assistant", "So.")]),
        (record(DETAILS, attributes={"gen_ai.input.messages": "When?"}), [("user", "When?")]),
        (record(DETAILS, body={"gen_ai.output.messages": ["So."]}), [("assistant", "So.")]),
    ],
)
def test_an_odd_record_is_read_as_far_as_it_goes(odd: LogRecord, expected: list[tuple[str, ...]]) -> None:
    [read], unread = read_content_events(logs(odd))
    assert written(read.input + read.output) == expected
    assert unread == []


def test_a_body_that_is_no_logs_export_is_refused() -> None:
    with pytest.raises(DecodeError, match="the body is no ExportLogsServiceRequest"):
        read_content_events(b"\x0a\xff")


def test_content_is_joined_in_the_order_of_its_events() -> None:
    tool = Message("tool", (Part("tool_call_response", "09:00"),))
    events = [event(system="Be brief."), event(USER), event(tool), event(output=(ANSWER,))]
    call = with_content(bare_call(), events)
    assert (call.system, call.input, call.output) == ("Be brief.", (USER, tool), (ANSWER,))
    assert (call.documents, call.documents_source) == (("09:00",), "tools")


def test_an_answer_that_was_sent_twice_counts_once() -> None:
    whole = event(USER, output=(ANSWER,))
    call = with_content(bare_call(), [whole, whole])
    assert (call.input, call.output) == ((USER,), (ANSWER,))


def test_what_the_span_says_itself_stays() -> None:
    said = bare_call(**{"gen_ai.input.messages": json.dumps([message("user", "Who?")])})
    call = with_content(said, [event(USER, output=(ANSWER,))])
    assert call.input_text == "Who?"
    assert call.output_text == "At 9."


def test_a_context_section_in_an_event_is_found() -> None:
    prompt = Message("user", (Part("text", "<context>At 9.</context> When?"),))
    call = with_content(bare_call(), [event(prompt)])
    assert (call.documents, call.documents_source, call.input_text) == (("At 9.",), "prompt", "When?")


def test_documents_come_in_the_order_explicit_trace_tools_prompt() -> None:
    tool = Message("tool", (Part("tool_call_response", "09:00"),))
    from_tools = with_content(bare_call(), [event(tool)])
    from_trace = with_documents(from_tools, ["Opens at 9."])
    assert (from_trace.documents, from_trace.documents_source) == (("Opens at 9.",), "trace")
    assert with_content(from_trace, [event(tool)]).documents == ("Opens at 9.",)
    assert with_documents(from_tools, []) == from_tools
    explicit = bare_call(**{"otel_llm.documents": ["Own."]})
    assert with_documents(explicit, ["Opens at 9."]) == explicit
    assert with_content(explicit, [event(tool)]).documents == ("Own.",)
