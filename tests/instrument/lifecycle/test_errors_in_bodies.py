"""Errors inside a stream whose body the app itself reads, and streams with the media type of something else."""

import json

import pytest
from failed_calls import failed_as
from in_process import chunk, client_of_body, sse
from in_process_anthropic import QUESTION, claude_of_body

from otel_llm import names

ASK = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello?"}]}
GROQ = (
    b'event: error\ndata: {"error": {"message": "No.", "type": "invalid_request", "code": "tool_use_failed"}}\n\n'
)
OPENROUTER = {
    **chunk({"content": ""}, finish_reason="error"),
    "error": {"code": 400, "message": "Provider returned error"},
    "usage": {"prompt_tokens": 8, "completion_tokens": 2, "total_tokens": 10, "cost": 0.25},
}
BEGUN = b"data: " + json.dumps(chunk({"content": "Hel"})).encode() + b"\n\n"
FAILING = {
    "Groq": (BEGUN + GROQ, "tool_use_failed"),
    "Groq, at once": (GROQ, "tool_use_failed"),
    "OpenRouter": (BEGUN + sse(OPENROUTER), "400"),
    "a text": (BEGUN + b"event: error\ndata: Internal error\n\n", "error"),
    "an error without a code": (BEGUN + sse({"error": {"message": "No."}}), "error"),
    "the last event is not ended": (BEGUN + GROQ.rstrip(), "tool_use_failed"),
}


@pytest.mark.parametrize("case", FAILING)
def test_an_error_event_is_told_where_the_app_reads_the_body(instrumented, case):
    body, kind = FAILING[case]
    completions = client_of_body(body, "text/event-stream").chat.completions.with_streaming_response
    with completions.create(**ASK, stream=True) as response:
        assert b"".join(response.iter_bytes()) == body

    assert failed_as(instrumented) == kind
    if case == "OpenRouter":
        attributes = instrumented.span.attributes
        assert attributes[names.USAGE_INPUT_TOKENS] == 8
        assert attributes[names.USAGE_OUTPUT_TOKENS] == 2
        assert attributes[names.USAGE_COST] == 0.25


def test_an_error_event_of_messages_is_told_where_the_app_reads_the_body(instrumented):
    body = b'event: error\ndata: {"type": "error", "error": {"type": "overloaded_error", "message": "No."}}\n\n'
    with claude_of_body(body, "text/event-stream").messages.with_streaming_response.create(
        **QUESTION, stream=True
    ) as response:
        response.read()

    assert failed_as(instrumented) == "overloaded_error"


def test_a_body_left_before_its_error_is_no_error(instrumented):
    completions = client_of_body(BEGUN * 100 + GROQ, "text/event-stream").chat.completions.with_streaming_response
    with completions.create(**ASK, stream=True) as response:
        next(response.iter_lines())

    assert failed_as(instrumented) is None


STREAM = sse(
    chunk({"content": "Hello."}),
    chunk({}, finish_reason="stop", usage={"prompt_tokens": 8, "completion_tokens": 2, "total_tokens": 10}),
)


@pytest.mark.parametrize(
    "media_type", [None, "application/json", "text/plain", "application/octet-stream", "text/html"]
)
def test_a_stream_is_read_whatever_its_media_type(exported, media_type):
    exported.instrument(capture_content=True)
    completions = client_of_body(b"\n" + STREAM, media_type).chat.completions.with_streaming_response
    with completions.create(**ASK, stream=True) as response:
        response.read()

    assert failed_as(exported) is None
    assert exported.span.attributes[names.USAGE_OUTPUT_TOKENS] == 2
    (said,) = json.loads(exported.span.attributes[names.OUTPUT_MESSAGES])
    assert said["parts"] == [{"type": "text", "content": "Hello."}]


def test_an_error_in_json_in_place_of_a_stream_says_its_code(instrumented):
    completions = client_of_body(b'{"error": {"code": 502}}').chat.completions.with_streaming_response
    with completions.create(**ASK, stream=True) as response:
        response.read()

    assert failed_as(instrumented) == "502"


def test_a_binary_stream_is_not_read(instrumented):
    kind = "application/vnd.amazon.eventstream"
    with claude_of_body(b"\x00\x00\x01{", kind).messages.with_streaming_response.create(
        **QUESTION, stream=True
    ) as response:
        response.read()

    assert failed_as(instrumented) is None


def test_a_stream_of_messages_is_read_whatever_its_media_type(instrumented):
    events = [
        {"type": "message_start", "message": {"id": "msg_1", "usage": {"input_tokens": 5, "output_tokens": 1}}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 7}},
    ]
    body = b"".join(f"event: {each['type']}\ndata: {json.dumps(each)}\n\n".encode() for each in events)
    with claude_of_body(body).messages.with_streaming_response.create(**QUESTION, stream=True) as response:
        response.read()

    assert instrumented.span.attributes[names.USAGE_OUTPUT_TOKENS] == 7
    assert failed_as(instrumented) is None
