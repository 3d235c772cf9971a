"""Calls of the real client, answered by the scripted model over a socket: whole spans and metric points."""

import asyncio
import contextlib
import gc
import weakref
from urllib.parse import urlsplit

import openai
import pydantic
import pytest
from in_process import COMPLETION, client_for
from opentelemetry.context import attach, get_current, set_value
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.trace import SpanKind, StatusCode, get_current_span

import otel_llm
from otel_llm import names
from otel_llm.instrument.lifecycle import steps

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


def slow_call(base_url, sent):
    """Return the coroutine of a call that sets `sent` once its request is on its way."""

    async def note(_):
        sent.set()

    http_client = openai.DefaultAsyncHttpxClient(event_hooks={"request": [note]})
    client = openai.AsyncOpenAI(api_key="none", base_url=base_url, http_client=http_client)
    return client.chat.completions.create(model="scripted", messages=[{"role": "user", "content": "slow"}])


def test_a_cancelled_call_says_so(instrumented, base_url):
    async def call():
        sent = asyncio.Event()
        task = asyncio.create_task(slow_call(base_url, sent))
        await sent.wait()
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(call())

    span = instrumented.span
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes[names.ERROR_TYPE] == "CancelledError"


def test_a_call_thrown_away_midway_leaves_no_context_behind(instrumented, base_url, caplog):
    """As when an event loop is stopped: the coroutine is closed from another context than its own."""
    loop = asyncio.new_event_loop()

    async def begin():
        sent = asyncio.Event()
        task = asyncio.ensure_future(slow_call(base_url, sent))
        await sent.wait()
        return task

    task = loop.run_until_complete(begin())
    task._log_destroy_pending = False
    with contextlib.suppress(Exception):  # the client's cleaning up misses the loop; which error is its affair
        task.get_coro().close()
    loop.close()

    assert "detach" not in caplog.text
    assert instrumented.span.status.status_code is StatusCode.ERROR


def test_a_task_that_outlives_the_call_it_was_started_in_is_recorded(instrumented, async_client, base_url):
    """A task copies the context of its start, with the mark of the open call in it."""

    async def main():
        tasks = []

        async def start_task(_):
            if not tasks:
                tasks.append(asyncio.create_task(later()))

        async def later():
            await answered.wait()
            async with async_client:
                await async_client.chat.completions.create(model="scripted", messages=ASK)

        answered = asyncio.Event()
        http_client = openai.DefaultAsyncHttpxClient(event_hooks={"request": [start_task]})
        async with openai.AsyncOpenAI(api_key="none", base_url=base_url, http_client=http_client) as client:
            await client.chat.completions.create(model="scripted", messages=ASK)
        answered.set()
        await tasks[0]

    asyncio.run(main())
    assert len(instrumented.spans) == 2


def test_what_a_call_calls_in_turn_is_that_call(instrumented, client, base_url):
    """As when a layer over the client is instrumented too: one call, one span."""
    inner = openai.OpenAI(api_key="none", base_url=base_url)

    def ask_inside(_):
        inner.chat.completions.create(model="scripted", messages=ASK)

    http_client = openai.DefaultHttpxClient(event_hooks={"request": [ask_inside]})
    with inner, client.with_options(http_client=http_client) as outer:
        outer.chat.completions.create(model="scripted", messages=ASK)

    assert len(instrumented.spans) == 1


def test_the_span_is_current_during_the_call_and_not_after(instrumented, client):
    tracer = instrumented.tracer_provider.get_tracer("app")
    with tracer.start_as_current_span("outer") as outer:
        client.chat.completions.create(model="scripted", messages=ASK)
        assert get_current_span() is outer

    inner, _ = instrumented.spans
    assert inner.parent.span_id == outer.get_span_context().span_id


def test_what_a_request_attached_and_forgot_does_not_outlive_the_call(instrumented, base_url):
    tracer = instrumented.tracer_provider.get_tracer("app")
    before = get_current()

    def attach_and_forget(_):
        attach(set_value("forgotten", True))

    http_client = openai.DefaultHttpxClient(event_hooks={"request": [attach_and_forget]})
    with openai.OpenAI(api_key="none", base_url=base_url, http_client=http_client) as client:
        client.chat.completions.create(model="scripted", messages=ASK)
    assert get_current() is before
    with tracer.start_as_current_span("later"):
        pass

    assert instrumented.spans[-1].parent is None


@pytest.mark.parametrize("way", ["create", "with_raw_response", "with_streaming_response", "failing"])
def test_a_call_that_ended_is_freed_without_the_garbage_collector(instrumented, client, monkeypatch, way):
    calls = []

    class NotedCall(steps.LiveCall):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            calls.append(weakref.ref(self))

    def ask():
        completions = client.chat.completions
        if way == "create":
            completions.create(model="scripted", messages=ASK)
        elif way == "with_raw_response":
            completions.with_raw_response.create(model="scripted", messages=ASK).parse()
        elif way == "with_streaming_response":
            with completions.with_streaming_response.create(model="scripted", messages=ASK) as response:
                response.read()
        else:
            with contextlib.suppress(openai.RateLimitError):
                completions.create(model="scripted", messages=[{"role": "user", "content": "rate limit"}])

    monkeypatch.setattr(steps, "LiveCall", NotedCall)
    gc.disable()
    try:
        ask()
        assert len(instrumented.spans) == 1  # waits for the worker, too
        assert [call() for call in calls] == [None]
    finally:
        gc.enable()


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
