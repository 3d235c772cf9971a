"""The Responses API of the real client, answered by the scripted model over a socket: whole spans."""

import asyncio
import json
from pathlib import Path
from urllib.parse import urlsplit

import openai
import pytest
from in_process import client_for, httpx
from opentelemetry.trace import SpanKind, StatusCode
from pydantic import BaseModel
from response_objects import USAGE as TOKENS
from response_objects import response
from support.model_server import served_script

from otel_llm import names

SCRIPT = Path(__file__).with_name("scripts") / "responses.toml"
# what a connection that breaks off is to each major version of the client
BROKEN = openai.APIConnectionError if openai.__version__.startswith("3.") else httpx.RemoteProtocolError
# what differs from one span to the next
VARYING = {names.RESPONSE_ID, names.RESPONSE_TIME_TO_FIRST_CHUNK, names.SERVER_ADDRESS, names.SERVER_PORT}
REQUEST = {
    names.OPERATION: "chat",
    names.PROVIDER: "openai",
    names.REQUEST_MODEL: "scripted",
    names.OPENAI_API_TYPE: "responses",
}
STREAMED = {**REQUEST, names.REQUEST_STREAM: True}
USAGE = {
    names.USAGE_INPUT_TOKENS: 20,
    names.USAGE_OUTPUT_TOKENS: 3,
    names.USAGE_CACHE_READ_INPUT_TOKENS: 0,
    names.USAGE_CACHE_WRITE_INPUT_TOKENS: 0,
    names.USAGE_REASONING_OUTPUT_TOKENS: 0,
    names.USAGE_COST: pytest.approx(26e-6),
    names.USAGE_COST_SOURCE: "own",
}
ANSWERED = {names.RESPONSE_MODEL: "scripted", names.RESPONSE_FINISH_REASONS: ("stop",), **USAGE}
BEGUN = {**STREAMED, names.RESPONSE_MODEL: "scripted"}


class Plan(BaseModel):
    city: str
    days: int


@pytest.fixture(scope="session")
def base_url(tmp_path_factory):
    with served_script(SCRIPT, tmp_path_factory.mktemp("responses") / "log") as url:
        yield url


def ask(client, question="count", **options):
    return client.responses.create(model="scripted", input=question, **options)


def fixed(span):
    return {name: value for name, value in span.attributes.items() if name not in VARYING}


def text_of(events):
    return "".join(event.delta for event in events if event.type == "response.output_text.delta")


def run(async_client, main):
    async def entered():
        async with async_client:
            return await main(async_client)

    return asyncio.run(entered())


def test_a_call_is_one_span_with_all_that_the_call_says(instrumented, client, base_url):
    answer = ask(
        client,
        "cached",
        instructions="Be brief.",
        temperature=0,
        top_p=0.5,
        max_output_tokens=60,
        reasoning={"effort": "low"},
        text={"format": {"type": "json_schema", "name": "n", "schema": {}}},
        service_tier="default",
        previous_response_id="resp_1",
        metadata={"team": "shop"},
        tools=openai.omit,
    )

    span = instrumented.span
    assert span.name == "chat scripted"
    assert span.kind is SpanKind.CLIENT
    assert span.status.status_code is StatusCode.UNSET
    attributes = dict(span.attributes)
    cost = attributes.pop(names.USAGE_COST)
    assert attributes.pop(names.USAGE_COST_SOURCE) == "own"
    # the tokens that are written to the cache have no price of their own here
    assert cost == pytest.approx((400 * 1 + 600 * 0.5 + 100 * 2) / 1e6)
    assert attributes == {
        **REQUEST,
        names.SERVER_ADDRESS: urlsplit(base_url).hostname,
        names.SERVER_PORT: urlsplit(base_url).port,
        names.REQUEST_TEMPERATURE: 0.0,
        names.REQUEST_TOP_P: 0.5,
        names.REQUEST_MAX_TOKENS: 60,
        names.REQUEST_REASONING_LEVEL: "low",
        names.REQUEST_PREVIOUS_RESPONSE_ID: "resp_1",
        names.OPENAI_REQUEST_SERVICE_TIER: "default",
        names.OUTPUT_TYPE: "json",
        names.RESPONSE_ID: answer.id,
        names.RESPONSE_MODEL: "scripted",
        names.RESPONSE_FINISH_REASONS: ("stop",),
        names.OPENAI_RESPONSE_SERVICE_TIER: "default",
        names.USAGE_INPUT_TOKENS: 1000,
        names.USAGE_OUTPUT_TOKENS: 100,
        names.USAGE_CACHE_READ_INPUT_TOKENS: 600,
        names.USAGE_CACHE_WRITE_INPUT_TOKENS: 50,
        names.USAGE_REASONING_OUTPUT_TOKENS: 40,
    }
    assert type(attributes[names.REQUEST_TEMPERATURE]) is float


def test_a_call_gives_one_point_of_each_metric(instrumented, client):
    ask(client)

    tokens = instrumented.points(names.TOKEN_USAGE.name)
    assert {point.attributes[names.TOKEN_TYPE]: point.sum for point in tokens} == {"input": 20, "output": 3}
    (duration,) = instrumented.points(names.OPERATION_DURATION.name)
    assert duration.count == 1
    (cost,) = instrumented.points(names.COST.name)
    assert cost.value == pytest.approx(26e-6)


def test_an_asynchronous_call_is_recorded_as_a_synchronous_one(instrumented, async_client):
    async def main(client):
        return await ask(client)

    assert run(async_client, main).output_text == "one two three"
    assert fixed(instrumented.span) == {**REQUEST, **ANSWERED}


@pytest.mark.parametrize(
    ("question", "reason"),
    [("weather", "tool_call"), ("evil", "stop"), ("cut", "length"), ("blocked", "content_filter")],
)
@pytest.mark.parametrize("stream", [False, True])
def test_why_a_response_ended_is_said_by_the_conventions_names(instrumented, client, question, reason, stream):
    result = ask(client, question, max_output_tokens=2, stream=stream)
    if stream:
        list(result)

    assert instrumented.span.attributes[names.RESPONSE_FINISH_REASONS] == (reason,)
    assert names.ERROR_TYPE not in instrumented.span.attributes


@pytest.mark.parametrize("conversation", ["conv_1", {"id": "conv_1"}])
def test_the_conversation_is_on_the_span(instrumented, client, conversation):
    answer = ask(client, conversation=conversation)

    assert answer.conversation.id == "conv_1"
    assert instrumented.span.attributes[names.CONVERSATION_ID] == "conv_1"


def test_a_conversation_that_the_provider_began_is_on_the_span(instrumented):
    client_for(response(conversation={"id": "conv_2"})).responses.create(model="m", input="Hello?")

    assert instrumented.span.attributes[names.CONVERSATION_ID] == "conv_2"


def test_a_prompt_that_the_provider_keeps_is_on_the_span(instrumented):
    client_for(response()).responses.create(prompt={"id": "pmpt_1", "version": "3", "variables": {}})

    span = instrumented.span
    assert span.name == "chat"  # the model is the prompt's affair
    assert span.attributes[names.PROMPT_NAME] == "pmpt_1"
    assert span.attributes[names.PROMPT_VERSION] == "3"


def test_parse_is_a_call_like_another(instrumented, client):
    answer = client.responses.parse(model="scripted", input="plan", text_format=Plan)

    assert answer.output_parsed == Plan(city="Graz", days=2)
    assert instrumented.span.attributes[names.OUTPUT_TYPE] == "json"
    assert instrumented.span.attributes[names.RESPONSE_FINISH_REASONS] == ("stop",)


def test_an_error_of_the_provider_is_the_callers_and_the_spans(instrumented, client):
    with pytest.raises(openai.RateLimitError):
        ask(client, "rate limit")

    span = instrumented.span
    assert span.status.status_code is StatusCode.ERROR
    assert fixed(span) == {**REQUEST, names.ERROR_TYPE: "RateLimitError"}


def test_retries_are_inside_one_span_that_counts_them(instrumented, client):
    assert ask(client.with_options(max_retries=2), "flaky").output_text == "one two three"

    assert fixed(instrumented.span) == {**REQUEST, **ANSWERED, names.REQUEST_ATTEMPTS: 3}


def test_a_response_that_failed_is_an_error_though_the_call_gave_one(instrumented):
    answer = response(status="failed", output=[], error={"code": "server_error", "message": "It crashed."})
    client_for(answer).responses.create(model="m", input="Hello?")

    span = instrumented.span
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description is None
    assert span.attributes[names.ERROR_TYPE] == "server_error"
    assert span.attributes[names.RESPONSE_FINISH_REASONS] == ("error",)
    (duration,) = instrumented.points(names.OPERATION_DURATION.name)
    assert duration.attributes[names.ERROR_TYPE] == "server_error"


def test_a_response_that_is_made_in_the_background_has_not_ended(instrumented):
    client_for(response(status="queued", output=[], usage=None)).responses.create(
        model="m", input="Hello?", background=True
    )

    assert names.RESPONSE_FINISH_REASONS not in instrumented.span.attributes
    assert instrumented.span.attributes[names.RESPONSE_ID] == "resp_1"


def test_a_compaction_is_a_call_with_its_tokens(instrumented):
    answer = {"id": "resp_1", "object": "response.compaction", "created_at": 1, "output": [], "usage": TOKENS}
    client_for(answer).responses.compact(model="gpt-6-astra", input="Hello?")

    attributes = instrumented.span.attributes
    assert instrumented.span.name == "chat gpt-6-astra"
    assert attributes[names.USAGE_INPUT_TOKENS] == 100
    assert attributes[names.USAGE_CACHE_READ_INPUT_TOKENS] == 60
    assert attributes[names.RESPONSE_FINISH_REASONS] == ("compaction",)


def test_what_is_only_looked_up_or_cancelled_is_no_call(instrumented):
    client = client_for(response())
    client.responses.retrieve("resp_1")
    client.responses.cancel("resp_1")

    assert instrumented.spans == []


def test_a_raw_response_keeps_its_type_and_its_tokens(instrumented, client):
    raw = client.responses.with_raw_response.create(model="scripted", input="count")

    assert raw.headers["content-type"].startswith("application/json")
    assert raw.parse().output_text == "one two three"
    assert fixed(instrumented.span) == {**REQUEST, **ANSWERED}


def test_a_stream_read_to_its_end_says_what_a_call_says(instrumented, client):
    assert text_of(ask(client, stream=True)) == "one two three"

    span = instrumented.span
    assert fixed(span) == {**STREAMED, **ANSWERED}
    assert 0 < span.attributes[names.RESPONSE_TIME_TO_FIRST_CHUNK] < (span.end_time - span.start_time) / 1e9


def test_an_asynchronous_stream_says_what_a_call_says(instrumented, async_client):
    async def main(client):
        return [event async for event in await ask(client, stream=True)]

    assert text_of(run(async_client, main)) == "one two three"
    assert fixed(instrumented.span) == {**STREAMED, **ANSWERED}


def test_the_stream_helper_is_recorded_when_it_is_read(instrumented, client):
    with client.responses.stream(model="scripted", input="plan", text_format=Plan) as stream:
        assert stream.get_final_response().output_parsed == Plan(city="Graz", days=2)

    attributes = instrumented.span.attributes
    assert attributes[names.RESPONSE_FINISH_REASONS] == ("stop",)
    assert attributes[names.OUTPUT_TYPE] == "json"


def test_the_asynchronous_stream_helper_is_recorded_when_it_is_read(instrumented, async_client):
    async def main(client):
        async with client.responses.stream(model="scripted", input="count") as stream:
            return [event.type async for event in stream][-1]

    assert run(async_client, main) == "response.completed"
    assert fixed(instrumented.span) == {**STREAMED, **ANSWERED}


def test_a_stream_of_a_raw_response_is_recorded(instrumented, client):
    raw = client.responses.with_raw_response.create(model="scripted", input="count", stream=True)

    assert text_of(raw.parse()) == "one two three"
    assert fixed(instrumented.span) == {**STREAMED, **ANSWERED}


@pytest.mark.parametrize("way", ["lines", "bytes", "parse", "text"])
def test_of_a_streaming_response_the_tokens_are_recovered(instrumented, client, way):
    with client.responses.with_streaming_response.create(model="scripted", input="count", stream=True) as response:
        if way == "lines":
            assert "event: response.completed" in list(response.iter_lines())
        elif way == "bytes":
            assert b"response.completed" in b"".join(response.iter_bytes())
        elif way == "text":
            assert "response.completed" in "".join(response.iter_text())
        else:
            assert text_of(response.parse()) == "one two three"

    assert fixed(instrumented.span) == {**STREAMED, **ANSWERED}


def test_of_a_streaming_response_that_is_no_stream_the_tokens_are_recovered(instrumented, client):
    with client.responses.with_streaming_response.create(model="scripted", input="count") as response:
        assert json.loads(response.read())["status"] == "completed"

    assert fixed(instrumented.span) == {**REQUEST, **ANSWERED}


def test_an_error_at_the_start_of_a_stream_is_the_callers_and_the_spans(instrumented, client):
    with pytest.raises(openai.RateLimitError):
        ask(client, "rate limit", stream=True)

    assert fixed(instrumented.span) == {**STREAMED, names.ERROR_TYPE: "RateLimitError"}


def test_a_response_that_fails_midway_is_an_error_though_the_stream_ends(instrumented, client):
    events = list(ask(client, "fails midway", stream=True))

    assert events[-1].type == "response.failed"
    span = instrumented.span
    assert span.status.status_code is StatusCode.ERROR
    assert fixed(span) == {
        **BEGUN,
        names.RESPONSE_FINISH_REASONS: ("error",),
        names.ERROR_TYPE: "server_error",
    }


def test_an_error_event_is_an_error_though_the_stream_ends(instrumented):
    events = [
        {"type": "response.created", "sequence_number": 0, "response": response(status="in_progress", usage=None)},
        {"type": "error", "sequence_number": 1, "code": "ERR_SOMETHING", "message": "It broke.", "param": None},
    ]
    stream = client_for(events).responses.create(model="m", input="Hello?", stream=True)

    assert [event.type for event in stream] == ["response.created", "error"]
    span = instrumented.span
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes[names.ERROR_TYPE] == "ERR_SOMETHING"
    assert span.attributes[names.RESPONSE_ID] == "resp_1"


def test_a_stream_broken_off_midway_is_an_error_with_what_came(instrumented, client):
    received = []

    def read_to_the_end():
        for event in ask(client, "breaks", stream=True):
            received.append(event)

    with pytest.raises(BROKEN):
        read_to_the_end()

    assert text_of(received) == "one two"
    span = instrumented.span
    assert span.status.status_code is StatusCode.ERROR
    assert fixed(span) == {**BEGUN, names.ERROR_TYPE: BROKEN.__name__}
    assert names.RESPONSE_ID in span.attributes


def test_a_stream_closed_early_still_ends_its_span(instrumented, client):
    stream = ask(client, "long", stream=True)
    next(stream)
    stream.close()

    assert fixed(instrumented.span) == BEGUN
    assert instrumented.span.status.status_code is StatusCode.UNSET


def test_the_stream_helper_closed_early_ends_its_span(instrumented, client):
    with client.responses.stream(model="scripted", input="long") as stream:
        next(stream)

    assert fixed(instrumented.span) == BEGUN


def test_the_callers_own_exception_passes_unchanged_and_is_on_the_span(instrumented, client):
    mine = ValueError("mine")
    with pytest.raises(ValueError, match="mine") as caught, ask(client, "long", stream=True) as stream:  # noqa: PT012
        next(stream)
        raise mine

    assert caught.value is mine
    assert fixed(instrumented.span) == {**BEGUN, names.ERROR_TYPE: "ValueError"}
