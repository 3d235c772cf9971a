"""The context of a call: current while the call runs, and gone after it, however the call ends."""

import asyncio
import contextlib
import gc
import weakref

import openai
import pytest
from opentelemetry.context import attach, get_current, set_value
from opentelemetry.trace import StatusCode, get_current_span

from otel_llm import names
from otel_llm.instrument.lifecycle import steps

ASK = [{"role": "user", "content": "count"}]


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
