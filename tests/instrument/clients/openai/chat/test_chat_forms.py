"""Forms of chat completions beyond plain text: structured output, refusals, choices, helpers, failing streams."""

import asyncio

import openai
import pytest
from chat_calls import Plan, answers, asking, call, finish_reasons
from in_process import COMPLETION, chunk, client_for

from otel_llm import names
from otel_llm.instrument.clients.openai.chat import CHAT


def test_parse_gives_the_apps_own_type_and_the_span_says_json(instrumented, client):
    answer = client.chat.completions.parse(**asking("plan"), response_format=Plan)

    assert answer.choices[0].message.parsed == Plan(city="Graz", days=2)
    assert instrumented.span.attributes[names.OUTPUT_TYPE] == "json"
    assert finish_reasons(instrumented) == ("stop",)


def test_an_answer_that_cannot_be_parsed_is_an_error_of_the_call(instrumented, client):
    with pytest.raises(openai.LengthFinishReasonError):
        client.chat.completions.parse(**asking("plan"), response_format=Plan, max_completion_tokens=1)

    assert instrumented.span.attributes[names.ERROR_TYPE] == "LengthFinishReasonError"


@pytest.mark.parametrize("stream", [False, True])
def test_a_refusal_is_a_text_with_a_mark(captured, client, stream):
    result = client.chat.completions.create(**asking("evil"), stream=stream)
    if stream:
        list(result)

    assert answers(captured) == [([{"type": "text", "content": "I will not.", "refusal": True}], "stop")]


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
    assert answers(captured) == [([{"type": "text", "content": "Hello."}], "unknown")]
