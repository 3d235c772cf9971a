"""Tools in chat completions: definitions, calls, results, and the older form of functions."""

import json

import openai
import pytest
from chat_calls import WEATHER, City, answers, asking, call, finish_reasons
from in_process import COMPLETION, chunk, client_for

from otel_llm import names
from otel_llm.instrument.clients.openai.chat import CHAT


@pytest.mark.parametrize("stream", [False, True])
def test_calls_of_tools_are_parts_of_the_answer(captured, client, stream):
    result = client.chat.completions.create(**asking("weather"), tools=[WEATHER], stream=stream)
    if stream:
        pieces = [piece for chunk in result for piece in chunk.choices[0].delta.tool_calls or ()]
        first, second = (piece.id for piece in pieces if piece.id)
    else:
        first, second = (piece.id for piece in result.choices[0].message.tool_calls)

    parts = [
        {"type": "reasoning", "content": "Two cities."},
        call(first, "weather", {"city": "Graz"}),
        call(second, "weather", {"city": "Lech"}),
    ]
    assert answers(captured) == [(parts, "tool_call")]
    assert finish_reasons(captured) == ("tool_call",)


@pytest.mark.parametrize("stream", [False, True])
def test_the_call_of_a_custom_tool_has_its_input_as_a_text(captured, client, stream):
    tool = {"type": "custom", "custom": {"name": "sql", "description": "A query."}}
    result = client.chat.completions.create(**asking("query"), tools=[tool], stream=stream)
    if stream:
        list(result)

    [((said,), finish_reason)] = answers(captured)
    assert (said["name"], said["arguments"], finish_reason) == ("sql", "select 1", "tool_call")
    assert said["id"].startswith("call_")
    definitions = json.loads(captured.span.attributes[names.TOOL_DEFINITIONS])
    assert definitions == [{"type": "custom", "name": "sql", "description": "A query."}]


def test_arguments_that_are_no_json_stay_the_text_that_they_are(captured, client):
    client.chat.completions.create(**asking("garbled"), tools=[WEATHER])

    [((said,), _)] = answers(captured)
    assert said["arguments"] == '{"city": "Gr'


def test_a_round_of_tools_is_told_with_its_results(captured, client):
    first = client.chat.completions.create(**asking("weather"), tools=[WEATHER]).choices[0].message
    results = [
        {"role": "tool", "tool_call_id": each.id, "content": [{"type": "text", "text": "Rain."}]}
        for each in first.tool_calls
    ]
    again = {"role": "user", "content": "So?"}
    client.chat.completions.create(
        model="scripted", messages=[*asking("weather")["messages"], first, *results, again], tools=[WEATHER]
    )

    said = json.loads(captured.spans[1].attributes[names.INPUT_MESSAGES])
    assert [message["role"] for message in said] == ["user", "assistant", "tool", "tool", "user"]
    assert [part["type"] for part in said[1]["parts"]] == ["reasoning", "tool_call", "tool_call"]
    assert said[2]["parts"] == [{"type": "tool_call_response", "id": first.tool_calls[0].id, "response": "Rain."}]


def test_parse_reads_the_arguments_of_tools(instrumented, client):
    tool = openai.pydantic_function_tool(City, name="weather")
    answer = client.chat.completions.parse(**asking("weather"), tools=[tool])

    assert [each.function.parsed_arguments for each in answer.choices[0].message.tool_calls] == [
        City(city="Graz"),
        City(city="Lech"),
    ]
    assert finish_reasons(instrumented) == ("tool_call",)


def test_the_stream_helper_puts_calls_of_tools_together(instrumented, client):
    tool = openai.pydantic_function_tool(City, name="weather")
    with client.chat.completions.stream(**asking("weather"), tools=[tool]) as stream:
        kinds = {event.type for event in stream}
        message = stream.get_final_completion().choices[0].message

    assert {"tool_calls.function.arguments.delta", "tool_calls.function.arguments.done"} <= kinds
    assert [each.function.parsed_arguments.city for each in message.tool_calls] == ["Graz", "Lech"]
    assert finish_reasons(instrumented) == ("tool_call",)


def test_the_older_form_of_functions_is_recorded(captured):
    function = {"name": "weather", "parameters": {"type": "object"}}
    message = {"role": "assistant", "content": None, "function_call": {"name": "weather", "arguments": "{}"}}
    answer = {**COMPLETION, "choices": [{"index": 0, "finish_reason": "function_call", "message": message}]}
    client_for(answer).chat.completions.create(**asking("weather"), functions=[function])

    assert answers(captured) == [([{"type": "tool_call", "name": "weather", "arguments": {}}], "tool_call")]
    definitions = json.loads(captured.span.attributes[names.TOOL_DEFINITIONS])
    assert definitions == [{"type": "function", **function}]


def test_the_older_form_of_functions_is_put_together_of_a_stream(captured):
    chunks = [
        chunk({"role": "assistant", "content": None, "function_call": {"name": "weather", "arguments": ""}}),
        chunk({"function_call": {"arguments": '{"city": '}}),
        chunk({"function_call": {"arguments": '"Graz"}'}}),
        chunk({}, finish_reason="function_call"),
    ]
    list(client_for(chunks).chat.completions.create(**asking("weather"), stream=True))

    assert answers(captured) == [
        ([{"type": "tool_call", "name": "weather", "arguments": {"city": "Graz"}}], "tool_call")
    ]


def test_every_definition_of_a_tool_has_a_type_and_a_name():
    tools = [
        {"type": "web_search"},
        {"type": "function", "name": "flat", "parameters": {"headers": {}}},
        {"type": "function", "function": {"name": None}},
        {"type": "mcp", "server_url": "https://example.com", "headers": {"x-key": "hunter2"}},
    ]

    assert CHAT.read_content({"messages": [], "tools": tools}).tools == [
        {"type": "web_search", "name": "web_search"},
        {"type": "function", "name": "flat", "parameters": {"headers": {}}},
        {"type": "function", "name": "function"},
        {"type": "mcp", "name": "mcp", "server_url": "https://example.com"},
    ]


def test_arguments_that_are_a_structure_are_not_shared_with_the_app():
    arguments = {"a": [1]}
    function = {"name": "f", "arguments": arguments}
    content = CHAT.read_content({"messages": [{"role": "assistant", "tool_calls": [{"function": function}]}]})
    arguments["a"].append(2)

    assert content.messages[0]["parts"] == [call(None, "f", {"a": [1]})]


@pytest.mark.parametrize("index", [{}, {"index": 0}])
def test_calls_of_tools_in_a_stream_are_told_apart_by_their_ids_too(captured, index):
    pieces = [
        {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a"'}},
        {"function": {"arguments": ": 1}"}},
        {"id": "c2", "type": "function", "function": {"name": "g", "arguments": '{"b"'}},
        {"id": "c2", "function": {"arguments": ": 2}"}},
    ]
    chunks = [chunk({"tool_calls": [{**index, **piece}]}) for piece in pieces]
    list(
        client_for([*chunks, chunk({}, finish_reason="tool_calls")]).chat.completions.create(
            **asking("two"), stream=True
        )
    )

    assert answers(captured) == [([call("c1", "f", {"a": 1}), call("c2", "g", {"b": 2})], "tool_call")]
