"""Messages of servers that speak the API with differences: what the app could read is what is recorded."""

import json

import pytest
from in_process_anthropic import QUESTION, claude_of_body

from otel_llm import names

START = {
    "type": "message_start",
    "message": {"id": "msg_1", "model": "m", "usage": {"input_tokens": 25, "output_tokens": 1}},
}


def streamed(*events):
    body = b"".join(f"event: {each['type']}\ndata: {json.dumps(each)}\n\n".encode() for each in events)
    list(claude_of_body(body, "text/event-stream").messages.create(**QUESTION, stream=True))


def opened(block, **fields):
    return {"type": "content_block_start", "content_block": block, **fields}


def delta(kind, text, **fields):
    name = {"text": "text", "thinking": "thinking", "input_json": "partial_json"}[kind]
    return {"type": "content_block_delta", "delta": {"type": f"{kind}_delta", name: text}, **fields}


def ended(stop_reason="end_turn", **usage):
    return {"type": "message_delta", "delta": {"stop_reason": stop_reason}, "usage": usage}


def answered(exported):
    (message,) = json.loads(exported.span.attributes[names.OUTPUT_MESSAGES])
    return message["parts"], message["finish_reason"]


TEXT = {"type": "text", "text": ""}
TOOL = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}
CALL = {"type": "tool_call", "id": "toolu_1", "name": "f", "arguments": {"a": 1}}
SAID = {"type": "text", "content": "Hello"}
FORMS = {
    "no block is opened": ([delta("text", "Hel", index=0), delta("text", "lo", index=0)], [SAID]),
    "no indexes": ([opened(TEXT), delta("text", "Hel"), delta("text", "lo")], [SAID]),
    "no blocks and no indexes": ([delta("text", "Hel"), delta("text", "lo")], [SAID]),
    "an index that is a text": ([opened(TEXT, index="0"), delta("text", "Hello", index="0")], [SAID]),
    "thinking that is not opened": (
        [delta("thinking", "Hm", index=0), delta("text", "Hello", index=1)],
        [{"type": "reasoning", "content": "Hm"}, SAID],
    ),
    "one index for all blocks": (
        [
            opened(TEXT, index=0),
            delta("text", "Hello", index=0),
            opened(TOOL, index=0),
            delta("input_json", '{"a": 1}', index=0),
        ],
        [SAID, CALL],
    ),
    "the whole input at once": ([opened({**TOOL, "input": {"a": 1}}, index=0)], [CALL]),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_blocks_that_the_app_got_are_recorded(captured, form):
    events, parts = FORMS[form]
    streamed(START, *events, ended())

    assert answered(captured) == (parts, "stop")


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"output_tokens": 7}, (25, 7)),
        ({"input_tokens": 0, "output_tokens": 7}, (25, 7)),
        ({"input_tokens": 30, "output_tokens": 7}, (30, 7)),
        ({"input_tokens": None, "output_tokens": 7}, (25, 7)),
        ({"output_tokens": -7}, (25, None)),
        ({"output_tokens": [7]}, (25, None)),
    ],
)
def test_no_zero_replaces_a_count_and_what_is_no_count_is_left_out(instrumented, usage, expected):
    streamed(START, ended(**usage))

    attributes = instrumented.span.attributes
    assert (attributes.get(names.USAGE_INPUT_TOKENS), attributes.get(names.USAGE_OUTPUT_TOKENS)) == expected


@pytest.mark.parametrize(("cost", "recorded"), [(0.0123, 0.0123), (0, 0.0)])
def test_a_message_costs_what_the_provider_says(instrumented, cost, recorded):
    message = {**START["message"], "content": [], "usage": {"input_tokens": 5, "output_tokens": 1, "cost": cost}}
    claude_of_body(json.dumps(message).encode()).messages.create(**{**QUESTION, "model": "without-own-price"})

    assert instrumented.span.attributes[names.USAGE_COST] == recorded
    assert instrumented.span.attributes[names.USAGE_COST_SOURCE] == "provider"


@pytest.mark.parametrize("stop_reason", ["", None])
def test_a_message_without_a_reason_is_no_error(captured, stop_reason):
    streamed(START, opened(TEXT, index=0), delta("text", "Hello", index=0), ended(stop_reason))

    assert answered(captured) == ([SAID], "unknown")
    assert names.RESPONSE_FINISH_REASONS not in captured.span.attributes
    assert names.ERROR_TYPE not in captured.span.attributes


def test_a_stream_left_early_says_that_no_reason_was_told(captured):
    body = b"".join(
        f"event: {each['type']}\ndata: {json.dumps(each)}\n\n".encode()
        for each in (START, opened(TEXT, index=0), delta("text", "Hello", index=0), ended())
    )
    with claude_of_body(body, "text/event-stream").messages.create(**QUESTION, stream=True) as stream:
        for event in stream:
            if event.type == "content_block_delta":
                break

    assert answered(captured) == ([SAID], "unknown")
