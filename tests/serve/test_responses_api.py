"""POST /v1/responses, and the richer answers of the script, as the real client sees them."""

import json

import httpx
import openai
import pytest
from pydantic import BaseModel

from otel_llm.serve.endpoints.responses_request import ResponsesRequest
from otel_llm.serve.http.api_error import ApiError
from otel_llm.serve.models.request import refuse

THREE = '[[rule]]\nanswer = "one two three"\n'
TOOLS = """
[[rule]]
reasoning = "Look it up."
tool_calls = [{ name = "weather", arguments = { city = "Graz" } }, { name = "sql", input = "select 1" }]
"""


class Plan(BaseModel):
    city: str
    days: int


def ask(client: openai.OpenAI, question: object = "how are you", **options):
    return client.responses.create(model="scripted", input=question, **options)


def chat(client: openai.OpenAI, question: str = "hello", **options):
    return client.chat.completions.create(
        model="scripted", messages=[{"role": "user", "content": question}], **options
    )


def kinds(events):
    return [event.type.removeprefix("response.") for event in events]


def test_a_response_has_the_shape_of_one_and_repeats_the_request(scripted):
    answer = ask(
        scripted(THREE),
        instructions="Be brief.",
        conversation={"id": "conv_1"},
        max_output_tokens=50,
        metadata={"team": "shop"},
        temperature=0.5,
        text={"format": {"type": "json_object"}},
    )

    assert answer.id.startswith("resp_")
    assert (answer.object, answer.status, answer.model) == ("response", "completed", "scripted")
    assert answer.output_text == "one two three"
    (message,) = answer.output
    assert (message.type, message.role, message.status) == ("message", "assistant", "completed")
    assert (answer.instructions, answer.conversation.id, answer.metadata) == (
        "Be brief.",
        "conv_1",
        {"team": "shop"},
    )
    assert (answer.max_output_tokens, answer.temperature, answer.text.format.type) == (50, 0.5, "json_object")
    assert (answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.total_tokens) == (5, 3, 8)


def test_a_stream_has_the_events_of_a_text_in_their_order(scripted):
    events = list(ask(scripted(THREE), stream=True))

    assert kinds(events) == [
        "created", "in_progress", "output_item.added", "content_part.added",
        "output_text.delta", "output_text.delta", "output_text.delta",
        "output_text.done", "content_part.done", "output_item.done", "completed",
    ]  # fmt: skip
    assert [event.sequence_number for event in events] == list(range(11))
    assert [event.delta for event in events[4:7]] == ["one", " two", " three"]
    assert events[0].response.status == "in_progress"
    assert events[0].response.usage is None
    assert events[-1].response.output_text == "one two three"
    assert events[-1].response.usage.output_tokens == 3


def test_a_stream_on_the_wire_names_its_events(scripted_url):
    body = {"model": "scripted", "input": "x", "stream": True}
    response = httpx.post(f"{scripted_url(THREE)}/responses", json=body)

    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    first, *_, last, end = response.text.split("\n\n")
    assert first.startswith("event: response.created\ndata: {")
    assert last.startswith("event: response.completed\ndata: {")
    assert end == ""


def test_reasoning_and_calls_of_tools_are_items(scripted):
    events = list(ask(scripted(TOOLS), stream=True))

    assert kinds(events)[2:-1] == [
        "output_item.added", "reasoning_summary_part.added",
        *["reasoning_summary_text.delta"] * 3,
        "reasoning_summary_text.done", "reasoning_summary_part.done", "output_item.done",
        "output_item.added", *["function_call_arguments.delta"] * 2, "function_call_arguments.done",
        "output_item.done",
        "output_item.added", *["custom_tool_call_input.delta"] * 2, "custom_tool_call_input.done",
        "output_item.done",
    ]  # fmt: skip
    reasoning, function, custom = events[-1].response.output
    assert [part.text for part in reasoning.summary] == ["Look it up."]
    assert (function.name, json.loads(function.arguments)) == ("weather", {"city": "Graz"})
    assert (custom.name, custom.input) == ("sql", "select 1")
    assert events[-1].response.usage.output_tokens_details.reasoning_tokens == 3


def test_a_whole_response_has_the_items_of_a_stream(scripted):
    client = scripted(TOOLS)
    streamed = list(ask(client, stream=True))[-1].response

    assert [item.type for item in ask(client).output] == [item.type for item in streamed.output]


def test_a_refusal_is_a_part_of_the_message(scripted):
    client = scripted('[[rule]]\nrefusal = "I will not."')

    (message,) = ask(client).output
    assert [(part.type, part.refusal) for part in message.content] == [("refusal", "I will not.")]
    events = list(ask(client, stream=True))
    assert kinds(events)[4:8] == ["refusal.delta"] * 3 + ["refusal.done"]


def test_an_answer_that_is_json_is_parsed_by_the_clients_helpers(scripted):
    client = scripted('[[rule]]\nanswer = \'{"city": "Graz", "days": 2}\'')

    plan = Plan(city="Graz", days=2)
    assert client.responses.parse(model="scripted", input="x", text_format=Plan).output_parsed == plan
    with client.responses.stream(model="scripted", input="x", text_format=Plan) as stream:
        assert stream.get_final_response().output_parsed == plan
    messages = [{"role": "user", "content": "x"}]
    answer = client.chat.completions.parse(model="scripted", messages=messages, response_format=Plan)
    assert answer.choices[0].message.parsed == plan


@pytest.mark.parametrize(
    ("rule", "options", "reason"),
    [
        (THREE, {"max_output_tokens": 2}, "max_output_tokens"),
        (f'{THREE}finish_reason = "content_filter"', {}, "content_filter"),
    ],
)
def test_a_response_that_was_cut_is_incomplete(scripted, rule, options, reason):
    events = list(ask(scripted(rule), stream=True, **options))

    assert events[-1].type == "response.incomplete"
    assert (events[-1].response.status, events[-1].response.incomplete_details.reason) == ("incomplete", reason)
    assert events[-1].response.output[0].status == "incomplete"


def test_a_round_of_tools_is_understood(scripted):
    client = scripted('[[rule]]\nmatch = "^And now"\nanswer = "Rain."\n' + TOOLS)
    first = ask(client, "weather")
    result = {"type": "function_call_output", "call_id": first.output[1].call_id, "output": "wet"}
    said = [item.model_dump(exclude_none=True) for item in first.output]

    answer = ask(
        client, [{"role": "user", "content": "weather"}, *said, result, {"role": "user", "content": "And now?"}]
    )
    assert answer.output_text == "Rain."


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"input": ...}, "input"),
        ({"input": []}, "input"),
        ({"input": [{"role": "user"}]}, "input.0"),
        ({"input": [{"role": "robot", "content": "x"}]}, "input.0.role"),
        ({"input": [{"role": "user", "content": [{"type": "input_image"}]}]}, "input.0.content.0.type"),
        ({"temperature": 9}, "temperature"),
        ({"background": True}, "background"),
        ({"messages": []}, "messages"),
    ],
)
def test_what_is_wrong_is_refused_by_its_name(scripted_url, changes, param):
    body = {"model": "scripted", "input": "x", **changes}
    response = httpx.post(
        f"{scripted_url(THREE)}/responses", json={key: value for key, value in body.items() if value != ...}
    )

    assert response.status_code == 400
    assert response.json()["error"]["param"] == param


@pytest.mark.parametrize(
    ("asked", "field", "param"),
    [
        ({"text": {"format": {"type": "json_object"}}}, "response_format", "text.format"),
        ({"reasoning": {"effort": "low"}}, "reasoning_effort", "reasoning.effort"),
        ({"previous_response_id": "resp_1"}, "previous_response_id", "previous_response_id"),
    ],
)
def test_what_a_model_cannot_do_is_refused_by_the_name_of_this_api(asked, field, param):
    request = ResponsesRequest(model="m", input="x", **asked).chat()

    with pytest.raises(ApiError) as caught:
        refuse(request, [field], "m")
    assert caught.value.body["error"]["param"] == param


def test_of_a_chat_the_calls_of_tools_come_in_pieces(scripted):
    chunks = list(chat(scripted(TOOLS), stream=True))

    deltas = [chunk.choices[0].delta for chunk in chunks]
    assert deltas[0].content is None
    assert "".join(delta.model_extra.get("reasoning_content", "") for delta in deltas) == "Look it up."
    pieces = [piece for delta in deltas for piece in delta.tool_calls or ()]
    assert [piece.index for piece in pieces] == [0, 0, 0, 1, 1, 1]
    assert [bool(piece.id) for piece in pieces] == [True, False, False] * 2
    assert "".join(piece.function.arguments for piece in pieces[:3]) == '{"city": "Graz"}'
    assert "".join(piece.model_extra["custom"].get("input", "") for piece in pieces[3:]) == "select 1"
    assert chunks[-1].choices[0].finish_reason == "tool_calls"


def test_of_a_chat_a_refusal_stands_in_place_of_the_answer(scripted):
    client = scripted('[[rule]]\nrefusal = "I will not."')

    message = chat(client).choices[0].message
    assert (message.content, message.refusal) == (None, "I will not.")
    deltas = [chunk.choices[0].delta for chunk in chat(client, stream=True)]
    assert [delta.refusal for delta in deltas] == [None, "I", " will", " not.", None]


def test_a_rule_fails_so_many_times_and_then_answers(scripted):
    client = scripted(f"{THREE}status = 503\nfail_times = 2\n")

    with pytest.raises(openai.InternalServerError) as caught:
        ask(client)
    assert caught.value.response.headers["retry-after-ms"] == "1"
    with pytest.raises(openai.InternalServerError):
        chat(client, n=3)
    assert ask(client).output_text == "one two three"
    assert len(chat(client, n=3).choices) == 3


def test_a_response_fails_in_its_stream_where_the_rule_says_so(scripted):
    client = scripted(f'{THREE}status = 500\nerror = {{ message = "no", code = "c" }}\nfail_after_chunks = 2\n')

    events = list(ask(client, stream=True))
    assert kinds(events)[-3:] == ["output_text.delta", "output_text.delta", "failed"]
    failed = events[-1].response
    assert (failed.status, failed.error.code, failed.error.message) == ("failed", "c", "no")
    with pytest.raises(openai.APIError, match="no"):
        list(chat(client, stream=True))
    with pytest.raises(openai.InternalServerError):
        ask(client)


@pytest.mark.parametrize("stream", [False, True])
def test_a_response_that_is_broken_off_is_an_error_to_the_client(scripted, stream):
    client = scripted(f"{THREE}break_after_chunks = 1\n")

    def read_to_the_end() -> None:
        for _ in ask(client, stream=stream):
            pass

    # clients before 3.0 let the transport's own error through
    with pytest.raises((openai.APIConnectionError, httpx.RemoteProtocolError)):
        read_to_the_end()
