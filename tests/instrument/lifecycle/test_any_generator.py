"""Clients whose streams are generator functions: the request begins at the first `next`, and so does the call."""

import asyncio
import contextlib
import contextvars
import gc
import inspect
import time
import weakref

import pytest
from opentelemetry import baggage
from opentelemetry.trace import StatusCode
from small_library import WORDS, at_work, made

import otel_llm
from otel_llm import names
from otel_llm.instrument.lifecycle.wrap_generator import wrap_async_generator, wrap_generator


class Chunks:
    """A stream of either kind, as a plain one: so that one test holds for both."""

    def __init__(self, chunks, runner):
        self._chunks = chunks
        self._runner = runner

    def _run(self, name, *values):
        if self._runner is None:
            plain = {"__anext__": "__next__", "aclose": "close", "athrow": "throw", "asend": "send"}[name]
            return getattr(self._chunks, plain)(*values)

        async def wait():
            return await getattr(self._chunks, name)(*values)

        return self._runner.run(wait(), context=contextvars.copy_context())

    def next(self):
        return self._run("__anext__")

    def close(self):
        return self._run("aclose")

    def throw(self, error):
        return self._run("athrow", error)

    def send(self, value):
        return self._run("asend", value)

    def rest(self):
        found = []
        while True:
            try:
                found.append(self.next())
            except (StopIteration, StopAsyncIteration):
                return found


class Held:
    """Something of the app's."""


def break_off():
    raise ValueError("broken off")


def collect(runner):
    """Free what was dropped; asynchronous generators are closed by their event loop."""
    gc.collect()
    for _ in range(3):
        runner.run(asyncio.sleep(0))


@pytest.fixture(params=["generator", "async generator"])
def library(request, exported, monkeypatch):
    """A library whose `ask` is a generator function, instrumented: what it saw and how it ended is in `seen`."""
    seen = []

    def ask(*, model, fails=False, held=None):
        try:
            for word in WORDS:
                seen.append(at_work())
                if fails and word == WORDS[1]:
                    break_off()
                got = yield word
                if got is not None:
                    seen.append(got)
        except BaseException as error:
            seen.append(type(error))
            raise

    async def ask_async(*, model, fails=False, held=None):
        chunks = ask(model=model, fails=fails, held=held)
        try:
            chunk = next(chunks)
            while True:
                got = yield chunk
                chunk = next(chunks) if got is None else chunks.send(got)
        except StopIteration:
            return
        except BaseException as error:
            chunks.throw(error)
            raise

    asynchronous = request.param == "async generator"
    module = made(
        monkeypatch,
        wrapped=wrap_async_generator if asynchronous else wrap_generator,
        ask=ask_async if asynchronous else ask,
    )
    module.seen = seen
    exported.instrument()
    with asyncio.Runner() as runner:
        module.open = lambda **options: Chunks(module.ask(model="m", **options), runner if asynchronous else None)
        module.collect = lambda: collect(runner)
        yield module


def test_the_context_is_the_calls_while_the_client_works_and_the_apps_in_between(exported, library):
    with otel_llm.context(user="ann"):
        resting = at_work()
        assert resting == (False, set(baggage.get_all()))
        assert baggage.get_all()
        chunks = library.open()
        for word in WORDS:
            assert chunks.next() == word
            assert at_work() == resting
        assert chunks.rest() == []

    assert library.seen == [(True, set())] * len(WORDS)
    assert exported.span.attributes["user.id"] == "ann"
    assert exported.span.attributes[names.USAGE_OUTPUT_TOKENS] == 3


def test_a_call_begins_with_its_first_chunk(exported, library):
    chunks = library.open()
    assert library.seen == []
    before = time.time_ns()
    assert chunks.rest() == WORDS

    assert exported.span.start_time >= before
    assert 0 < exported.span.attributes[names.RESPONSE_TIME_TO_FIRST_CHUNK] < 10


def test_what_is_never_iterated_is_no_call(exported, library):
    chunks = library.open()
    del chunks
    library.collect()

    assert exported.spans == []


def test_a_stream_closed_early_is_closed_for_the_client_too(exported, library):
    chunks = library.open()
    chunks.next()
    chunks.close()

    assert library.seen[-1] is GeneratorExit
    assert exported.span.status.status_code is StatusCode.UNSET
    assert exported.span.attributes[names.RESPONSE_ID] == "one "


def test_a_stream_that_is_dropped_ends_its_call(exported, library):
    chunks = library.open()
    chunks.next()
    del chunks
    library.collect()

    assert exported.span.attributes[names.RESPONSE_ID] == "one "
    assert exported.span.status.status_code is StatusCode.UNSET


def test_an_error_in_the_middle_is_the_calls(exported, library):
    chunks = library.open(fails=True)
    chunks.next()
    with pytest.raises(ValueError, match="broken off"):
        chunks.next()

    assert exported.span.attributes[names.ERROR_TYPE] == "ValueError"
    assert exported.span.attributes[names.RESPONSE_ID] == "one "


def test_what_the_app_sends_and_throws_reaches_the_client(exported, library):
    chunks = library.open()
    chunks.next()
    assert chunks.send("more") == WORDS[1]
    assert "more" in library.seen
    with pytest.raises(KeyError):
        chunks.throw(KeyError("app"))

    assert library.seen[-1] is KeyError
    assert exported.span.attributes[names.ERROR_TYPE] == "KeyError"


def step(chunks, name, *values):
    """Have a stream of either kind go on, without an event loop, which would hold the error."""
    if inspect.isasyncgen(chunks):
        with contextlib.suppress(StopIteration):
            getattr(chunks, {"next": "__anext__", "throw": "athrow"}[name])(*values).send(None)
    else:
        getattr(chunks, {"next": "__next__"}.get(name, name))(*values)


def test_what_the_client_holds_is_freed_after_an_error_that_the_app_threw_in(exported, library):
    held = Held()
    freed = weakref.ref(held)
    gc.disable()
    try:
        chunks = library.ask(model="m", held=held)
        del held
        step(chunks, "next")
        with contextlib.suppress(KeyError):
            step(chunks, "throw", KeyError)
        del chunks
        assert freed() is None
    finally:
        gc.enable()


def test_uninstrumented_it_is_as_it_was(exported, library):
    otel_llm.uninstrument()

    assert library.open().rest() == WORDS
    assert exported.spans == []
