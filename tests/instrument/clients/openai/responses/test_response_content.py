"""Content of calls of the Responses API, in the conventions' schema."""

import copy

import pytest
from in_process import client_for
from response_calls import BROKEN, ask
from response_content import answered, content
from response_objects import message, response

from otel_llm import names
from otel_llm.genai.messages import read_instructions
from otel_llm.genai.problems import Source


def test_no_content_is_recorded_unless_asked_for(instrumented, client):
    ask(client, "count", instructions="Be brief.", tools=[{"type": "web_search"}])

    assert not {
        names.INPUT_MESSAGES,
        names.OUTPUT_MESSAGES,
        names.SYSTEM_INSTRUCTIONS,
        names.TOOL_DEFINITIONS,
    } & set(instrumented.span.attributes)


def test_a_text_is_asked_by_the_user_and_instructions_stand_apart(captured, client):
    ask(client, "count", instructions="Be brief.")

    assert content(captured, names.INPUT_MESSAGES) == [
        {"role": "user", "parts": [{"type": "text", "content": "count"}]}
    ]
    instructions = content(captured, names.SYSTEM_INSTRUCTIONS)
    assert instructions == [{"type": "text", "content": "Be brief."}]
    assert read_instructions(instructions, Source("instructions", "system")) == "Be brief."
    assert answered(captured) == ([{"type": "text", "content": "one two three"}], "stop")


@pytest.mark.parametrize("stream", [False, True])
def test_reasoning_and_calls_of_tools_are_parts_of_the_one_answer(captured, client, stream):
    result = ask(client, "weather", stream=stream)
    output = (list(result)[-1].response if stream else result).output

    assert answered(captured) == (
        [
            {"type": "reasoning", "content": "Two cities."},
            {"type": "tool_call", "id": output[1].call_id, "name": "weather", "arguments": {"city": "Graz"}},
            {"type": "tool_call", "id": output[2].call_id, "name": "sql", "arguments": "select 1"},
        ],
        "tool_call",
    )


@pytest.mark.parametrize("stream", [False, True])
def test_a_refusal_is_a_text_with_a_mark(captured, client, stream):
    result = ask(client, "evil", stream=stream)
    if stream:
        list(result)

    assert answered(captured) == ([{"type": "text", "content": "I will not.", "refusal": True}], "stop")


def test_of_a_stream_closed_early_what_came_is_recorded(captured, client):
    stream = ask(client, "long", stream=True)
    while next(stream).type != "response.output_text.delta":
        pass
    next(stream)
    stream.close()

    assert answered(captured) == ([{"type": "text", "content": "one two"}], "unknown")


def test_of_a_call_of_a_tool_broken_off_what_came_is_recorded(captured, client):
    with pytest.raises(BROKEN):
        list(ask(client, "call broken off", stream=True))

    ((call,), finish_reason) = answered(captured)
    assert (call["name"], call["arguments"], finish_reason) == ("weather", '{"city": "Graz",', "error")


def test_of_a_response_that_fails_midway_what_came_is_recorded(captured, client):
    list(ask(client, "fails midway", stream=True))

    assert answered(captured) == ([{"type": "text", "content": "one two"}], "error")


def test_a_stream_whose_last_event_leaves_out_the_items_is_put_together(captured):
    item = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": '{"a": 1}'}
    text = {"type": "output_text", "text": "", "annotations": []}
    events = [
        {"type": "response.created", "response": response(status="in_progress", output=[])},
        {"type": "response.output_item.added", "output_index": 0, "item": message()},
        {"type": "response.content_part.added", "output_index": 0, "content_index": 0, "part": text},
        {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "Hel"},
        {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "lo."},
        {"type": "response.output_item.added", "output_index": 1, "item": {**item, "arguments": ""}},
        {"type": "response.function_call_arguments.delta", "output_index": 1, "delta": '{"a": 1}'},
        {"type": "response.output_item.done", "output_index": 1, "item": item},
        {"type": "response.completed", "response": response(output=[])},
    ]
    list(client_for(events).responses.create(model="m", input="Hello?", stream=True))

    assert answered(captured)[0] == [
        {"type": "text", "content": "Hello."},
        {"type": "tool_call", "id": "call_1", "name": "f", "arguments": {"a": 1}},
    ]


def test_definitions_of_tools_have_names_and_no_secrets(captured):
    function = {
        "type": "function",
        "name": "f",
        "description": "F.",
        "parameters": {"type": "object"},
        "strict": True,
    }
    server = {
        "type": "mcp", "server_label": "dice", "server_url": "https://example.com", "authorization": "hunter2",
        "headers": {"x-key": "hunter2"},
    }  # fmt: skip
    client_for(response()).responses.create(
        model="m", input="Hello?", tools=[function, {"type": "web_search"}, copy.deepcopy(server)]
    )

    assert content(captured, names.TOOL_DEFINITIONS) == [
        function,
        {"type": "web_search", "name": "web_search"},
        {"type": "mcp", "name": "dice", "server_label": "dice", "server_url": "https://example.com"},
    ]


def test_secrets_are_taken_out_of_a_tool_at_any_depth(captured):
    secrets = [{"domain": "example.com", "name": "TOKEN", "value": "hunter2"}]
    policy = {"type": "allowlist", "allowed_domains": ["example.com"], "domain_secrets": secrets}
    container = {"type": "auto", "network_policy": policy}
    schema = {"type": "object", "properties": {"headers": {"type": "object"}}}
    function = {"type": "function", "name": "fetch", "parameters": schema}
    tools = [
        {"type": "code_interpreter", "container": container},
        {"type": "shell", "x": [{"Headers": "hunter2"}]},
    ]
    client_for(response()).responses.create(model="m", input="Hello?", tools=[*tools, function])

    assert "hunter2" not in captured.span.attributes[names.TOOL_DEFINITIONS]
    interpreter, shell, fetch = content(captured, names.TOOL_DEFINITIONS)
    assert interpreter["container"] == {
        "type": "auto",
        "network_policy": {"type": "allowlist", "allowed_domains": ["example.com"]},
    }
    assert shell == {"type": "shell", "name": "shell", "x": [{}]}
    assert fetch == function


@pytest.mark.parametrize(("code", "error_type"), [(429, "429"), ("server_error", "server_error"), ({}, "failed")])
def test_an_error_says_its_code_whatever_type_it_has(captured, code, error_type):
    failed = response(status="failed", error={"code": code, "message": "No."})
    client_for(failed).responses.create(model="m", input="Hello?")

    assert captured.span.attributes[names.ERROR_TYPE] == error_type
