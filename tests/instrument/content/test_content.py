"""Content: off by default; on spans, events or both; in the conventions' schema; in any characters."""

import json

import openai
import pytest
from in_process import COMPLETION, chunk, client_for, httpx, sse
from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.trace import StatusCode
from talk import TALK_IN_SCHEMA, ask

from otel_llm import names
from otel_llm.config.instrument_values import ContentCapture

CONTENT = {names.INPUT_MESSAGES, names.OUTPUT_MESSAGES, names.TOOL_DEFINITIONS, names.SYSTEM_INSTRUCTIONS}
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


def test_no_content_is_recorded_unless_asked_for(instrumented):
    ask(client_for(COMPLETION), tools=[WEATHER])

    assert not CONTENT & set(instrumented.span.attributes)
    assert instrumented.logs == []


def test_content_on_the_span_follows_the_schema(exported):
    exported.instrument(capture_content=True)
    ask(client_for(COMPLETION), tools=[WEATHER])

    attributes = exported.span.attributes
    assert json.loads(attributes[names.INPUT_MESSAGES]) == TALK_IN_SCHEMA
    assert json.loads(attributes[names.OUTPUT_MESSAGES]) == [
        {"role": "assistant", "parts": [{"type": "text", "content": "Hello."}], "finish_reason": "stop"}
    ]
    assert json.loads(attributes[names.TOOL_DEFINITIONS]) == [{"type": "function", **WEATHER["function"]}]
    assert exported.logs == []


def test_content_on_the_event_is_structured_and_belongs_to_the_span(exported):
    exported.instrument(capture_content="event_only")
    ask(client_for(COMPLETION), temperature=1)

    span = exported.span
    assert not CONTENT & set(span.attributes)
    (event,) = exported.logs
    assert event.event_name == names.EVENT_OPERATION_DETAILS
    assert event.severity_number is SeverityNumber.DEBUG
    assert (event.trace_id, event.span_id) == (span.context.trace_id, span.context.span_id)
    attributes = dict(event.attributes)
    assert json.loads(json.dumps(attributes[names.INPUT_MESSAGES], default=dict)) == TALK_IN_SCHEMA
    assert attributes[names.OPERATION] == "chat"
    assert attributes[names.REQUEST_TEMPERATURE] == 1.0
    assert attributes[names.RESPONSE_MODEL] == "gpt-4o-mini-2024-07-18"
    assert attributes[names.USAGE_INPUT_TOKENS] == 10


def test_content_can_be_on_both(exported):
    exported.instrument(capture_content=ContentCapture.SPAN_AND_EVENT)
    ask(client_for(COMPLETION))

    assert names.INPUT_MESSAGES in exported.span.attributes
    assert len(exported.logs) == 1


def test_the_standard_variable_turns_content_on(exported, monkeypatch):
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "span_only")
    exported.instrument()
    ask(client_for(COMPLETION))

    assert names.INPUT_MESSAGES in exported.span.attributes


def test_code_comes_before_the_variable(exported, monkeypatch):
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "SPAN_ONLY")
    exported.instrument(capture_content=False)
    ask(client_for(COMPLETION))

    assert not CONTENT & set(exported.span.attributes)


def test_a_streams_pieces_become_whole_messages(exported):
    exported.instrument(capture_content=True)
    tool = {"index": 0, "id": "call-1", "type": "function", "function": {"name": "weather", "arguments": '{"ci'}}
    chunks = [
        chunk({"role": "assistant", "content": "It "}),
        chunk({"content": "rains."}),
        chunk({"tool_calls": [tool]}, index=1),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": 'ty": "Graz"}'}}]}, index=1),
        chunk({}, finish_reason="tool_calls", index=1),
        chunk({}, finish_reason="stop", service_tier="default"),
    ]
    list(ask(client_for(chunks), stream=True))

    attributes = exported.span.attributes
    assert json.loads(attributes[names.OUTPUT_MESSAGES]) == [
        {"role": "assistant", "parts": [{"type": "text", "content": "It rains."}], "finish_reason": "stop"},
        {
            "role": "assistant",
            "parts": [{"type": "tool_call", "id": "call-1", "name": "weather", "arguments": {"city": "Graz"}}],
            "finish_reason": "tool_call",
        },
    ]
    assert attributes[names.RESPONSE_FINISH_REASONS] == ("stop", "tool_call")
    assert attributes[names.OPENAI_RESPONSE_SERVICE_TIER] == "default"


def test_a_stream_closed_early_has_the_text_that_came(exported):
    exported.instrument(capture_content=True)
    with ask(client_for([chunk({"content": "It "}), chunk({"content": "rains."})]), stream=True) as stream:
        next(stream)

    assert json.loads(exported.span.attributes[names.OUTPUT_MESSAGES]) == [
        {"role": "assistant", "parts": [{"type": "text", "content": "It "}], "finish_reason": "unknown"}
    ]


def test_an_earlier_answer_can_be_passed_back_as_it_came(exported):
    answer = ask(client_for(COMPLETION)).choices[0].message
    exported.instrument(capture_content=True)
    ask(client_for(COMPLETION), messages=[answer])

    assert json.loads(exported.span.attributes[names.INPUT_MESSAGES]) == [
        {"role": "assistant", "parts": [{"type": "text", "content": "Hello."}]}
    ]


def test_messages_that_the_app_changes_while_it_streams_are_recorded_as_sent(exported):
    exported.instrument(capture_content=True)
    messages = [{"role": "user", "content": [{"type": "text", "text": "first"}]}]
    stream = ask(client_for([chunk({"content": "It "})]), messages=messages, stream=True)
    messages[0]["content"][0]["text"] = "changed"
    list(stream)

    assert "first" in exported.span.attributes[names.INPUT_MESSAGES]


def test_the_text_of_an_error_is_content(exported, client):
    exported.instrument(capture_content=True)
    with pytest.raises(openai.RateLimitError):
        ask(client, messages=[{"role": "user", "content": "rate limit"}], model="scripted")

    status = exported.span.status
    assert status.status_code is StatusCode.ERROR
    assert "Slow down." in status.description


def raw_client(body, content_type="application/json"):
    """Return a client whose server answers as it likes: a body of JSON may escape half a character."""
    answer = httpx.Response(200, headers={"content-type": content_type}, content=body)
    http_client = httpx.Client(transport=httpx.MockTransport(lambda _: answer))
    return openai.OpenAI(api_key="none", max_retries=0, http_client=http_client)


def test_half_a_character_does_not_lose_the_batch_of_the_exporter(exported):
    exported.instrument(capture_content=True)
    said = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "bad \ud83d!"}}
    body = json.dumps({**COMPLETION, "model": "m\ud83d", "choices": [said]}).encode()
    ask(raw_client(body))

    attributes = exported.span.attributes
    assert json.loads(attributes[names.OUTPUT_MESSAGES])[0]["parts"] == [
        {"type": "text", "content": "bad \ufffd!"}
    ]
    assert attributes[names.RESPONSE_MODEL] == "m\ufffd"
    assert encode_spans(exported.spans).SerializeToString()


def test_a_character_that_a_stream_cuts_in_two_is_one_again(exported):
    exported.instrument(capture_content=True)
    halves = [chunk({"content": "\ud83d"}), chunk({"content": "\ude00"}), chunk({}, finish_reason="stop")]
    list(ask(raw_client(sse(*halves), "text/event-stream"), stream=True))

    (said,) = json.loads(exported.span.attributes[names.OUTPUT_MESSAGES])
    assert said["parts"] == [{"type": "text", "content": "\U0001f600"}]


def test_the_text_of_an_error_may_have_half_a_character(exported):
    exported.instrument(capture_content=True)
    with pytest.raises(openai.APIError):
        list(ask(raw_client(sse({"error": {"message": "bad \ud83d"}}), "text/event-stream"), stream=True))

    assert exported.span.status.description == "bad \ufffd"
    assert encode_spans(exported.spans).SerializeToString()


def call_of_a_tool(arguments):
    call = {"id": "call-1", "type": "function", "function": {"name": "f", "arguments": arguments}}
    return [{"role": "assistant", "tool_calls": [call]}]


def test_numbers_that_json_has_not_are_texts(exported):
    exported.instrument(capture_content=True)
    ask(client_for(COMPLETION), messages=call_of_a_tool('{"a": NaN, "b": 1e999, "c": [-Infinity], "d": 1.5}'))

    def refuse(constant):
        pytest.fail(f"{constant} is no JSON")

    (said,) = json.loads(exported.span.attributes[names.INPUT_MESSAGES], parse_constant=refuse)
    assert said["parts"][0]["arguments"] == {"a": "NaN", "b": "Infinity", "c": ["-Infinity"], "d": 1.5}


@pytest.mark.parametrize("redact", [None, "all"])
@pytest.mark.parametrize("depth", [30, 200, 600, 950, 5000])
def test_arguments_that_nest_deeply_are_recorded_and_can_be_exported(exported, depth, redact):
    exported.instrument(capture_content="SPAN_AND_EVENT", redact=redact)
    arguments = '{"a": ' * depth + '"deep"' + "}" * depth
    ask(client_for(COMPLETION), messages=call_of_a_tool(arguments))

    (said,) = json.loads(exported.span.attributes[names.INPUT_MESSAGES])
    told = said["parts"][0]["arguments"]
    while isinstance(told, dict):
        told = told["a"]
    assert told.startswith('{"a": {"a": ')
    assert '"deep"' in told
    assert encode_logs(exported.log_exporter.get_finished_logs()).SerializeToString()
