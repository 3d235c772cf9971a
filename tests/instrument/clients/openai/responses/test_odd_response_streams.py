"""Response streams of servers that speak the API in part: what the app got is what is recorded."""

import json

import pytest
from in_process import client_for, client_of_body
from response_content import answered, content
from response_objects import message, response

from otel_llm import names

COMPLETED = {"type": "response.completed", "response": response(output=[])}
CALL = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": ""}


def delta(text, kind="output_text", **fields):
    return {"type": f"response.{kind}.delta", "delta": text, **fields}


def streamed(*events):
    body = b"".join(f"event: {each['type']}\ndata: {json.dumps(each)}\n\n".encode() for each in events)
    list(client_of_body(body, "text/event-stream").responses.create(model="m", input="Hello?", stream=True))


def text(content):
    return {"type": "text", "content": content}


PLACED = {"output_index": 0, "content_index": 0, "item_id": "msg_1"}
FORMS = {
    "no item is opened": ([delta("Hello ", **PLACED), delta("you", **PLACED), COMPLETED], [text("Hello you")]),
    "no indexes": ([delta("Hello "), delta("you"), COMPLETED], [text("Hello you")]),
    "indexes of null": (
        [delta(each, output_index=None, content_index=None, item_id=None) for each in ("Hello ", "you")],
        [text("Hello you")],
    ),
    "indexes that are texts": ([delta(each, output_index="0") for each in ("Hello ", "you")], [text("Hello you")]),
    "an item is opened, deltas have no index": (
        [{"type": "response.output_item.added", "item": message()}, delta("Hello "), delta("you"), COMPLETED],
        [text("Hello you")],
    ),
    "only the whole text": (
        [{"type": "response.output_text.done", "text": "Hello you", **PLACED}],
        [text("Hello you")],
    ),
    "only whole parts": (
        [
            {
                "type": "response.reasoning_summary_part.done",
                "output_index": 0,
                "summary_index": 0,
                "part": {"type": "summary_text", "text": "Hm."},
            },
            {
                "type": "response.content_part.done",
                "output_index": 1,
                "content_index": 0,
                "part": {"type": "output_text", "text": "Hello you", "annotations": []},
            },
        ],
        [{"type": "reasoning", "content": "Hm."}, text("Hello you")],
    ),
    "deltas and the whole part": (
        [
            delta("Hello ", **PLACED),
            {"type": "response.content_part.done", "part": {"type": "output_text", "text": "Hello you"}, **PLACED},
            {"type": "response.content_part.done", "part": {"type": "audio", "data": "aGk="}, **PLACED},
        ],
        [text("Hello you")],
    ),
    "deltas and the whole text": (
        [
            delta("Hello ", **PLACED),
            delta("you", **PLACED),
            {"type": "response.output_text.done", "text": "Hello you", **PLACED},
        ],
        [text("Hello you")],
    ),
    "the whole text after its item": (
        [
            {"type": "response.output_item.done", "item": message({"type": "output_text", "text": "Hello you"})},
            {"type": "response.output_text.done", "text": "Hello you"},
        ],
        [text("Hello you")],
    ),
    "a message without parts at the end": (
        [delta("Hello you"), {"type": "response.completed", "response": response(output=[message()])}],
        [text("Hello you")],
    ),
    "output of null": (
        [delta("Hello you"), {"type": "response.completed", "response": response(output=None)}],
        [text("Hello you")],
    ),
    "no last event": ([delta("Hello you")], [text("Hello you")]),
    "reasoning, then text": (
        [
            delta("Hm. ", "reasoning_summary_text"),
            delta("So.", "reasoning_summary_text"),
            delta("Hello you"),
            COMPLETED,
        ],
        [{"type": "reasoning", "content": "Hm. So."}, text("Hello you")],
    ),
    "a refusal": (
        [delta("I will ", "refusal"), delta("not.", "refusal"), COMPLETED],
        [{**text("I will not."), "refusal": True}],
    ),
    "a call without indexes": (
        [
            {"type": "response.output_item.added", "item": CALL},
            delta('{"a"', "function_call_arguments", item_id="fc_1"),
            delta(": 1}", "function_call_arguments", item_id="fc_1"),
            COMPLETED,
        ],
        [{"type": "tool_call", "id": "call_1", "name": "f", "arguments": {"a": 1}}],
    ),
    "two calls without indexes": (
        [
            {"type": "response.output_item.added", "item": CALL},
            {"type": "response.output_item.added", "item": {**CALL, "id": "fc_2", "call_id": "call_2"}},
            delta("[1]", "function_call_arguments", item_id="fc_1"),
            delta("[2]", "function_call_arguments", item_id="fc_2"),
        ],
        [
            {"type": "tool_call", "id": "call_1", "name": "f", "arguments": [1]},
            {"type": "tool_call", "id": "call_2", "name": "f", "arguments": [2]},
        ],
    ),
    "deltas that are no texts": (
        [delta("Hello you"), delta(None), delta({"a": 1}), delta(5)],
        [text("Hello you")],
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_text_that_the_app_got_is_recorded(captured, form):
    events, parts = FORMS[form]
    streamed(*events)

    assert answered(captured)[0] == parts
    assert names.ERROR_TYPE not in captured.span.attributes


def test_a_full_response_at_the_end_comes_before_the_pieces(captured):
    streamed(delta("Hel"), {"type": "response.completed", "response": response()})

    assert answered(captured) == ([text("Hello.")], "stop")


def test_the_response_of_an_unknown_last_event_counts(captured):
    usage = {"input_tokens": 3, "output_tokens": 2}
    streamed(delta("Hello you"), {"type": "response.done", "response": response(output=[], usage=usage)})

    assert captured.span.attributes[names.USAGE_OUTPUT_TOKENS] == 2
    assert answered(captured) == ([text("Hello you")], "stop")


def test_a_stream_without_any_response_has_no_reason(captured):
    streamed(delta("Hello you"))

    assert answered(captured) == ([text("Hello you")], "unknown")
    assert names.RESPONSE_FINISH_REASONS not in captured.span.attributes


@pytest.mark.parametrize("execution", ["server", "client"])
def test_a_search_of_tools_is_a_call_and_its_response(captured, execution):
    tool = {"type": "function", "name": "weather", "parameters": {}}
    found = {
        "type": "tool_search_output",
        "id": "ts_2",
        "call_id": "call_1",
        "execution": execution,
        "tools": [tool],
    }
    search = {
        "type": "tool_search_call", "id": "ts_1", "call_id": "call_1", "execution": execution,
        "arguments": {"query": "weather"},
    }  # fmt: skip
    client_for(response(output=[search])).responses.create(model="m", input=[search, found])

    ((call,), finish_reason) = answered(captured)
    asked, told = content(captured, names.INPUT_MESSAGES)
    if execution == "client":
        assert call == {
            "type": "tool_call",
            "id": "call_1",
            "name": "tool_search",
            "arguments": {"query": "weather"},
        }
        assert told["role"] == "tool"
        assert told["parts"] == [{"type": "tool_call_response", "id": "call_1", "response": [tool]}]
        assert finish_reason == "tool_call"
    else:
        details = {"type": "tool_search", "arguments": {"query": "weather"}}
        assert call == {
            "type": "server_tool_call",
            "id": "call_1",
            "name": "tool_search",
            "server_tool_call": details,
        }
        (part,) = told["parts"]
        assert part["server_tool_call_response"] == {"type": "tool_search", "tools": [tool]}
        assert finish_reason == "stop"
    assert asked["parts"] == [call]
