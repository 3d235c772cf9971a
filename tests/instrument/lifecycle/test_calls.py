"""Calls of the real client, answered by the scripted model over a socket: whole spans and metric points."""

import asyncio
from urllib.parse import urlsplit

import openai
import pydantic
import pytest
from in_process import COMPLETION, client_for
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.trace import SpanKind, StatusCode

import otel_llm
from otel_llm import names

ASK = [{"role": "user", "content": "count"}]
DURATION, TOKENS, COST = names.OPERATION_DURATION.name, names.TOKEN_USAGE.name, names.COST.name


def shared_attributes(base_url):
    url = urlsplit(base_url)
    return {
        names.OPERATION: "chat",
        names.PROVIDER: "openai",
        names.REQUEST_MODEL: "scripted",
        names.SERVER_ADDRESS: url.hostname,
        names.SERVER_PORT: url.port,
    }


def test_a_call_is_one_span_with_all_that_the_call_says(instrumented, client, base_url):
    answer = client.chat.completions.create(
        model="scripted",
        messages=[{"role": "system", "content": "Be brief."}, {"role": "user", "content": "cached"}],
        temperature=0,
        top_p=0.5,
        frequency_penalty=0.25,
        presence_penalty=1,
        max_tokens=50,
        max_completion_tokens=60,
        seed=7,
        n=2,
        stop="END",
        reasoning_effort="low",
        response_format={"type": "json_object"},
        tools=openai.omit,
        user="somebody",
    )

    span = instrumented.span
    assert span.name == "chat scripted"
    assert span.kind is SpanKind.CLIENT
    assert span.status.status_code is StatusCode.UNSET
    assert span.instrumentation_scope.name == "otel_llm"
    assert span.instrumentation_scope.version == otel_llm.__version__
    assert not span.events
    attributes = dict(span.attributes)
    cost = attributes.pop(names.USAGE_COST)
    assert attributes.pop(names.USAGE_COST_SOURCE) == "own"
    assert cost == pytest.approx((400 * 1 + 600 * 0.5 + 200 * 2) / 1e6)
    assert attributes == {
        **shared_attributes(base_url),
        names.REQUEST_TEMPERATURE: 0.0,
        names.REQUEST_TOP_P: 0.5,
        names.REQUEST_FREQUENCY_PENALTY: 0.25,
        names.REQUEST_PRESENCE_PENALTY: 1.0,
        names.REQUEST_MAX_TOKENS: 60,
        names.REQUEST_SEED: 7,
        names.REQUEST_CHOICE_COUNT: 2,
        names.REQUEST_STOP_SEQUENCES: ("END",),
        names.REQUEST_REASONING_LEVEL: "low",
        names.OUTPUT_TYPE: "json",
        names.RESPONSE_ID: answer.id,
        names.RESPONSE_MODEL: "scripted",
        names.RESPONSE_FINISH_REASONS: ("stop", "stop"),
        names.USAGE_INPUT_TOKENS: answer.usage.prompt_tokens,
        names.USAGE_OUTPUT_TOKENS: answer.usage.completion_tokens,
        names.USAGE_CACHE_READ_INPUT_TOKENS: 600,
        names.USAGE_REASONING_OUTPUT_TOKENS: 80,
    }
    # given as whole numbers, but doubles by the conventions
    assert type(attributes[names.REQUEST_TEMPERATURE]) is float
    assert type(attributes[names.REQUEST_PRESENCE_PENALTY]) is float


def test_a_call_gives_one_point_of_each_metric(instrumented, client, base_url):
    client.chat.completions.create(model="scripted", messages=ASK)

    labels = {**shared_attributes(base_url), names.RESPONSE_MODEL: "scripted"}
    (duration,) = instrumented.points(DURATION)
    assert dict(duration.attributes) == labels
    assert duration.count == 1
    assert duration.explicit_bounds == names.OPERATION_DURATION.buckets
    span = instrumented.span
    assert duration.sum == pytest.approx((span.end_time - span.start_time) / 1e9, abs=0.005)
    tokens = {point.attributes[names.TOKEN_TYPE]: point for point in instrumented.points(TOKENS)}
    assert {kind: point.sum for kind, point in tokens.items()} == {"input": 20, "output": 3}
    assert dict(tokens["input"].attributes) == {**labels, names.TOKEN_TYPE: "input"}
    assert tokens["input"].explicit_bounds == names.TOKEN_USAGE.buckets
    (cost,) = instrumented.points(COST)
    assert dict(cost.attributes) == {names.PROVIDER: "openai", names.REQUEST_MODEL: "scripted"}
    assert cost.value == pytest.approx((20 * 1 + 3 * 2) / 1e6)
    assert instrumented.metric_names() == {DURATION, TOKENS, COST}


def test_metrics_lead_to_the_span_by_their_exemplars(instrumented, client):
    client.chat.completions.create(model="scripted", messages=ASK)

    (duration,) = instrumented.points(DURATION)
    (exemplar,) = duration.exemplars
    assert exemplar.span_id == instrumented.span.context.span_id


def test_an_asynchronous_call_is_recorded_as_a_synchronous_one(instrumented, async_client, base_url):
    async def call():
        async with async_client:
            return await async_client.chat.completions.create(model="scripted", messages=ASK)

    answer = asyncio.run(call())

    attributes = dict(instrumented.span.attributes)
    assert attributes.pop(names.USAGE_COST) == pytest.approx(26e-6)
    assert attributes.pop(names.USAGE_COST_SOURCE) == "own"
    assert attributes.pop(names.USAGE_CACHE_READ_INPUT_TOKENS, 0) == 0
    assert attributes.pop(names.USAGE_REASONING_OUTPUT_TOKENS, 0) == 0
    assert attributes == {
        **shared_attributes(base_url),
        names.RESPONSE_ID: answer.id,
        names.RESPONSE_MODEL: "scripted",
        names.RESPONSE_FINISH_REASONS: ("stop",),
        names.USAGE_INPUT_TOKENS: 20,
        names.USAGE_OUTPUT_TOKENS: 3,
    }


@pytest.mark.parametrize(
    ("text", "error"), [("rate limit", openai.RateLimitError), ("outage", openai.InternalServerError)]
)
def test_an_error_of_the_provider_is_the_callers_and_the_spans(instrumented, client, base_url, text, error):
    with pytest.raises(error):
        client.chat.completions.create(model="scripted", messages=[{"role": "user", "content": text}])

    span = instrumented.span
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description is None  # a provider's message may repeat the prompt
    assert dict(span.attributes) == {**shared_attributes(base_url), names.ERROR_TYPE: error.__name__}
    (duration,) = instrumented.points(DURATION)
    assert dict(duration.attributes) == {**shared_attributes(base_url), names.ERROR_TYPE: error.__name__}
    assert instrumented.metric_names() == {DURATION}


def test_retries_are_inside_one_span(instrumented, client, base_url):
    with pytest.raises(openai.RateLimitError):
        client.with_options(max_retries=1).chat.completions.create(
            model="scripted", messages=[{"role": "user", "content": "rate limit"}]
        )

    assert len(instrumented.spans) == 1


def test_a_suppressed_call_has_no_span_and_counts_in_the_metrics(instrumented, client):
    with suppress_instrumentation():
        client.chat.completions.create(model="scripted", messages=ASK)

    assert instrumented.spans == []
    assert instrumented.metric_names() == {DURATION, TOKENS, COST}


def test_calls_of_other_kinds_pass(instrumented, client):
    assert [model.id for model in client.models.list()] == ["scripted"]
    assert instrumented.spans == []


def test_a_raw_response_keeps_its_type_and_its_tokens(instrumented, client):
    raw = client.chat.completions.with_raw_response.create(model="scripted", messages=ASK)

    assert raw.headers["content-type"].startswith("application/json")
    assert raw.parse().choices[0].message.content == "one two three"
    assert raw.parse() is raw.parse()
    assert instrumented.span.attributes[names.USAGE_INPUT_TOKENS] == 20


def test_a_streaming_response_ends_its_span_when_it_is_closed(instrumented, client):
    with client.chat.completions.with_streaming_response.create(model="scripted", messages=ASK) as response:
        assert instrumented.spans == []
        assert response.parse().choices[0].message.content == "one two three"

    assert instrumented.span.status.status_code is StatusCode.UNSET


@pytest.mark.parametrize("fails", ["length", "schema"])
def test_what_parse_fails_over_was_answered_and_paid_for(instrumented, fails):
    class Weather(pydantic.BaseModel):
        sunny: bool

    message = {"role": "assistant", "content": '{"sunny": "who knows"}'}
    finish_reason = "length" if fails == "length" else "stop"
    answer = {**COMPLETION, "choices": [{"index": 0, "finish_reason": finish_reason, "message": message}]}
    error = openai.LengthFinishReasonError if fails == "length" else pydantic.ValidationError
    with pytest.raises(error):
        client_for(answer).chat.completions.parse(model="gpt-4o-mini", messages=ASK, response_format=Weather)

    attributes = instrumented.span.attributes
    assert attributes[names.ERROR_TYPE] == error.__name__
    assert attributes[names.RESPONSE_FINISH_REASONS] == (finish_reason,)
    assert attributes[names.USAGE_OUTPUT_TOKENS] == 5


def test_a_suppressed_call_has_no_event(exported, client):
    exported.instrument(capture_content="event_only")
    with suppress_instrumentation():
        client.chat.completions.create(model="scripted", messages=ASK)

    assert (exported.spans, exported.logs) == ([], [])


def test_parse_is_a_call_like_another(instrumented, client):
    client.chat.completions.parse(model="scripted", messages=ASK)

    assert instrumented.span.attributes[names.RESPONSE_FINISH_REASONS] == ("stop",)
