"""Forms of chat completions beyond plain text: tools, structured output, refusals, choices, helpers, retries."""

import asyncio
import base64
import json
from pathlib import Path

import openai
import pytest
from in_process import COMPLETION, chunk, client_for
from opentelemetry.trace import StatusCode
from pydantic import BaseModel
from support.model_server import served_script

from otel_llm import names
from otel_llm.instrument.clients.openai.chat import CHAT

SCRIPT = Path(__file__).with_name("scripts") / "chat_forms.toml"


class Plan(BaseModel):
    city: str
    days: int


WEATHER = openai.pydantic_function_tool(Plan, name="weather")


@pytest.fixture(scope="session")
def base_url(tmp_path_factory):
    with served_script(SCRIPT, tmp_path_factory.mktemp("chat_forms") / "log") as url:
        yield url


@pytest.fixture
def captured(exported):
    exported.instrument(capture_content="SPAN_ONLY")
    return exported


def asking(question):
    return {"model": "scripted", "messages": [{"role": "user", "content": question}]}


def answers(exported):
    said = json.loads(exported.span.attributes[names.OUTPUT_MESSAGES])
    assert {message["role"] for message in said} == {"assistant"}
    return [(message["parts"], message["finish_reason"]) for message in said]


def finish_reasons(exported):
    return exported.span.attributes[names.RESPONSE_FINISH_REASONS]


def call(call_id, name, arguments):
    return {"type": "tool_call", "id": call_id, "name": name, "arguments": arguments}


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


def test_parse_gives_the_apps_own_type_and_the_span_says_json(instrumented, client):
    answer = client.chat.completions.parse(**asking("plan"), response_format=Plan)

    assert answer.choices[0].message.parsed == Plan(city="Graz", days=2)
    assert instrumented.span.attributes[names.OUTPUT_TYPE] == "json"
    assert finish_reasons(instrumented) == ("stop",)


def test_an_answer_that_cannot_be_parsed_is_an_error_of_the_call(instrumented, client):
    with pytest.raises(openai.LengthFinishReasonError):
        client.chat.completions.parse(**asking("plan"), response_format=Plan, max_completion_tokens=1)

    assert instrumented.span.attributes[names.ERROR_TYPE] == "LengthFinishReasonError"


def test_parse_reads_the_arguments_of_tools(instrumented, client):
    tool = openai.pydantic_function_tool(City, name="weather")
    answer = client.chat.completions.parse(**asking("weather"), tools=[tool])

    assert [each.function.parsed_arguments for each in answer.choices[0].message.tool_calls] == [
        City(city="Graz"),
        City(city="Lech"),
    ]
    assert finish_reasons(instrumented) == ("tool_call",)


class City(BaseModel):
    city: str


@pytest.mark.parametrize("stream", [False, True])
def test_a_refusal_is_a_part_of_its_own(captured, client, stream):
    result = client.chat.completions.create(**asking("evil"), stream=stream)
    if stream:
        list(result)

    assert answers(captured) == [([{"type": "refusal", "content": "I will not."}], "stop")]


@pytest.mark.parametrize("stream", [False, True])
def test_each_choice_is_a_message_with_its_own_reason(captured, client, stream):
    result = client.chat.completions.create(**asking("count"), n=3, stream=stream)
    if stream:
        list(result)

    assert answers(captured) == [([{"type": "text", "content": "one two three"}], "stop")] * 3
    assert finish_reasons(captured) == ("stop", "stop", "stop")
    assert captured.span.attributes[names.REQUEST_CHOICE_COUNT] == 3


def test_the_stream_helper_gives_its_events_and_one_span(captured, client):
    with client.chat.completions.stream(**asking("plan"), response_format=Plan) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_completion()

    assert final.choices[0].message.parsed == Plan(city="Graz", days=2)
    assert {"chunk", "content.delta", "content.done"} <= set(kinds)
    assert answers(captured) == [([{"type": "text", "content": '{"city": "Graz", "days": 2}'}], "stop")]
    assert captured.span.attributes[names.OUTPUT_TYPE] == "json"


def test_the_stream_helper_puts_calls_of_tools_together(instrumented, client):
    tool = openai.pydantic_function_tool(City, name="weather")
    with client.chat.completions.stream(**asking("weather"), tools=[tool]) as stream:
        kinds = {event.type for event in stream}
        message = stream.get_final_completion().choices[0].message

    assert {"tool_calls.function.arguments.delta", "tool_calls.function.arguments.done"} <= kinds
    assert [each.function.parsed_arguments.city for each in message.tool_calls] == ["Graz", "Lech"]
    assert finish_reasons(instrumented) == ("tool_call",)


def test_the_stream_helper_tells_of_a_refusal(instrumented, client):
    with client.chat.completions.stream(**asking("evil")) as stream:
        kinds = {event.type for event in stream}

    assert {"refusal.delta", "refusal.done"} <= kinds
    assert finish_reasons(instrumented) == ("stop",)


def test_the_asynchronous_stream_helper_gives_one_span(instrumented, async_client):
    async def main():
        async with (
            async_client as client,
            client.chat.completions.stream(**asking("plan"), response_format=Plan) as stream,
        ):
            return (await stream.get_final_completion()).choices[0].message.parsed

    assert asyncio.run(main()) == Plan(city="Graz", days=2)
    assert finish_reasons(instrumented) == ("stop",)


@pytest.mark.parametrize(("question", "attempts"), [("flaky once", 2), ("flaky twice", 3)])
def test_retries_are_one_call_that_counts_its_attempts(instrumented, client, question, attempts):
    client.with_options(max_retries=2).chat.completions.create(**asking(question))

    span = instrumented.span
    assert span.status.status_code is StatusCode.UNSET
    assert span.attributes[names.REQUEST_ATTEMPTS] == attempts
    assert names.ERROR_TYPE not in span.attributes


def test_retries_before_a_stream_begins_are_counted(instrumented, client):
    list(client.with_options(max_retries=2).chat.completions.create(**asking("flaky stream"), stream=True))

    assert instrumented.span.attributes[names.REQUEST_ATTEMPTS] == 3
    assert finish_reasons(instrumented) == ("stop",)


def test_retries_of_an_asynchronous_call_are_counted(instrumented, async_client):
    async def main():
        async with async_client.with_options(max_retries=2) as client:
            await client.chat.completions.create(**asking("flaky async"))

    asyncio.run(main())
    assert instrumented.span.attributes[names.REQUEST_ATTEMPTS] == 3


def test_a_call_that_fails_at_each_attempt_says_how_many_there_were(instrumented, client):
    with pytest.raises(openai.InternalServerError):
        client.with_options(max_retries=3).chat.completions.create(**asking("outage"))

    span = instrumented.span
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes[names.REQUEST_ATTEMPTS] == 4
    assert span.attributes[names.ERROR_TYPE] == "InternalServerError"


def test_one_attempt_is_not_counted(instrumented, client):
    client.with_options(max_retries=2).chat.completions.create(**asking("count"))

    assert names.REQUEST_ATTEMPTS not in instrumented.span.attributes


def test_an_error_told_in_the_stream_is_the_callers_and_the_spans(captured, client):
    received = []

    def read_to_the_end():
        for each in client.chat.completions.create(**asking("fails midway"), stream=True):
            received.append(each.choices[0].delta.content)

    with pytest.raises(openai.APIError, match="The model crashed"):
        read_to_the_end()

    assert received == ["", "one", " two"]
    assert captured.span.attributes[names.ERROR_TYPE] == "APIError"
    assert answers(captured) == [([{"type": "text", "content": "one two"}], "error")]


@pytest.mark.parametrize("stream", [False, True])
def test_tokens_of_media_and_of_the_cache_are_told_apart(instrumented, client, stream):
    options = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
    result = client.chat.completions.create(**asking("spoken"), **options)
    if stream:
        list(result)

    attributes = instrumented.span.attributes
    assert {name: attributes[name] for name in attributes if name.endswith("_tokens")} == {
        names.USAGE_INPUT_TOKENS: 20,
        names.USAGE_OUTPUT_TOKENS: 30,
        names.USAGE_CACHE_READ_INPUT_TOKENS: 0,
        names.USAGE_CACHE_WRITE_INPUT_TOKENS: 4,
        names.USAGE_REASONING_OUTPUT_TOKENS: 0,
        names.USAGE_AUDIO_INPUT_TOKENS: 12,
        names.USAGE_IMAGE_INPUT_TOKENS: 5,
        names.USAGE_AUDIO_OUTPUT_TOKENS: 25,
    }


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


def test_a_spoken_answer_is_media_with_its_transcript():
    audio = {"id": "audio_1", "data": "UklGRg==", "expires_at": 1, "transcript": "Hello."}
    message = {"role": "assistant", "content": None, "audio": audio}
    client = client_for({**COMPLETION, "choices": [{"index": 0, "finish_reason": "stop", "message": message}]})
    completion = client.chat.completions.create(**asking("speak"))

    (said,) = CHAT.read_response(completion).read_messages()
    spoken = {
        "type": "blob",
        "modality": "audio",
        "mime_type": None,
        "content": "UklGRg==",
        "transcript": "Hello.",
    }
    assert said["parts"] == [spoken]
    (again,) = CHAT.read_content({"messages": [{"role": "assistant", "audio": {"id": "audio_1"}}]}).messages
    assert again["parts"] == [{"type": "file", "modality": "audio", "file_id": "audio_1"}]


def test_a_spoken_answer_is_put_together_of_a_stream():
    pieces = [
        {"id": "audio_1", "transcript": "Hel"},
        {"data": base64.b64encode(b"ab").decode()},
        {"data": base64.b64encode(b"cd").decode(), "transcript": "lo."},
        {"expires_at": 1},
    ]
    chunks = [chunk({"audio": piece}) for piece in pieces] + [chunk({}, finish_reason="stop")]
    added_up = CHAT.add_up(True)
    for each in client_for(chunks).chat.completions.create(**asking("speak"), stream=True):
        added_up.add(each)

    (said,) = added_up.response().read_messages()
    assert said["parts"] == [
        {
            "type": "blob",
            "modality": "audio",
            "mime_type": None,
            "content": base64.b64encode(b"abcd").decode(),
            "transcript": "Hello.",
        }
    ]


def test_files_of_a_message_are_media_or_references():
    content = [
        {"type": "file", "file": {"file_id": "file-1"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="}},
    ]
    (said,) = CHAT.read_content({"messages": [{"role": "user", "content": content}]}).messages

    assert said["parts"] == [
        {"type": "file", "modality": "document", "file_id": "file-1"},
        {
            "type": "blob",
            "modality": "document",
            "mime_type": "application/pdf",
            "content": "JVBERi0=",
            "filename": "a.pdf",
        },
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


def test_content_that_is_not_quite_the_apis_is_of_the_schema():
    messages = [
        {"role": "user", "content": ["a", {"type": "text", "text": None}, {"x": 1}, {"type": 5}, "b"]},
        {"role": "user", "content": {"type": "text", "text": "alone"}},
        {"content": None, "tool_calls": [{"id": "call-1"}]},
    ]

    assert CHAT.read_content({"messages": messages}).messages == [
        {
            "role": "user",
            "parts": [
                {"type": "text", "content": "a"},
                {"type": "text", "content": ""},
                {"type": "unknown", "x": 1},
                {"type": "unknown"},
                {"type": "text", "content": "b"},
            ],
        },
        {"role": "user", "parts": [{"type": "text", "content": "alone"}]},
        {"role": "unknown", "parts": [call("call-1", "", None)]},
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


@pytest.mark.parametrize("stream", [False, True])
def test_what_a_server_answers_of_another_type_is_left_out_alone(captured, stream):
    usage = {"prompt_tokens": "10", "completion_tokens": 5.0, "prompt_tokens_details": [], "total_tokens": None}
    odd = {"model": 5, "service_tier": {"a": 1}, "usage": usage}
    if stream:
        answer = [{**chunk({"content": "Hello."}, finish_reason=1), **odd}]
    else:
        answer = {**COMPLETION, **odd, "choices": [{**COMPLETION["choices"][0], "finish_reason": 1}]}
    result = client_for(answer).chat.completions.create(**asking("odd"), stream=stream, extra_body={"stop": 5})
    if stream:
        list(result)

    attributes = captured.span.attributes
    assert attributes[names.RESPONSE_ID] == "chatcmpl-1"
    assert attributes[names.USAGE_OUTPUT_TOKENS] == 5
    assert type(attributes[names.USAGE_OUTPUT_TOKENS]) is int
    assert not {
        names.RESPONSE_MODEL,
        names.USAGE_INPUT_TOKENS,
        names.OPENAI_RESPONSE_SERVICE_TIER,
        names.REQUEST_STOP_SEQUENCES,
    } & set(attributes)
    assert answers(captured) == [([{"type": "text", "content": "Hello."}], "error")]


def test_urls_of_data_in_capitals_are_media(captured):
    url = "DATA:image/PNG;BASE64,iVBORw0="
    image = {"type": "image_url", "image_url": {"url": url}}
    file = {"type": "file", "file": {"file_data": "Data:application/pdf;base64,JVBERi0="}}
    text = {"type": "text", "text": f"See {url}"}
    client_for(COMPLETION).chat.completions.create(
        model="m", messages=[{"role": "user", "content": [image, file, text]}]
    )

    (said,) = json.loads(captured.span.attributes[names.INPUT_MESSAGES])
    assert [(part["type"], part.get("mime_type")) for part in said["parts"]] == [
        ("uri", "image/png"), ("uri", "application/pdf"), ("text", None),
    ]  # fmt: skip
    assert "VBORw0" not in json.dumps(said)
