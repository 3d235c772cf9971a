"""The Responses API of the real client, answered by the scripted model over a socket: whole spans of calls."""

from urllib.parse import urlsplit

import openai
import pytest
from in_process import client_for
from opentelemetry.trace import SpanKind, StatusCode
from response_calls import ANSWERED, REQUEST, Plan, ask, fixed, run
from response_objects import USAGE as TOKENS
from response_objects import response

from otel_llm import names


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
        names.USAGE_CACHE_CREATION_INPUT_TOKENS: 50,
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
