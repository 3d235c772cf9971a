"""A fault at any line of ours leaves the app's result as it was, ends nothing twice, and is logged."""

import asyncio
import contextvars
import inspect
import json
import linecache
import logging
import re
import sys
import threading
import time
from pathlib import Path

import openai
import pytest
from claude_scenarios import CLAUDE_SCENARIOS
from in_process import COMPLETION, Pieces, chunk, client_for, httpx, sse

import otel_llm
from otel_llm import instrument as package
from otel_llm.instrument import guard, setup
from otel_llm.instrument.clients.openai import CLIENT as OPENAI
from otel_llm.instrument.clients.stainless import base_url

FOLDER = str(Path(package.__file__).parent)
MESSAGES = [{"role": "user", "content": "How is the weather? Write to me@example.org."}]
CHUNKS = [chunk({"content": "It "}), chunk({"content": "rains."}), chunk({}, finish_reason="stop")]
ANSWERS = {"/v1/chat/completions": json.dumps(COMPLETION).encode()}
STREAMS = {"/v1/chat/completions": sse(*CHUNKS)}
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {}}}
# Where the app's own call or iteration goes through a function of ours, its lines only hand over. They, and what
# catches our faults, cannot be faulty themselves; all else can.
HANDS_OVER = {
    "wrap.<locals>.call_client",
    "wrap_async.<locals>.call_client",
    "wrap_retry.<locals>.wait",
    "wrap_retry_async.<locals>.wait",
    "settle",
    "fail",
    "leave",
    "enter",
    "_read",
    "_AsyncReader.__anext__",
    "_AsyncReader.__aiter__",
    "_AsyncReader.__getattr__",
    "_Listener._data",
    "_decoding.<locals>.take_decoded",
    "Dropped.__del__",
    "Reading.add",
    "Reading.give_up",
    "Reading._outcome",
    "_pass_on",
    "_AsyncPieces.__init__",
    "_AsyncPieces.__anext__",
    "_AsyncPieces.__aiter__",
    "_tap_class.<locals>.Tapped.__iter__",
    "_tap_class.<locals>.Tapped.__aiter__",
    "_tap_class.<locals>.Tapped.__getattr__",
    "_tap_class.<locals>.Tapped._at_the_end",
    "_tap_class.<locals>.Tapped._end",
    "_tap_class.<locals>.Tapped.close",
    "_tap_class.<locals>.Tapped.aclose",
    "_Closing.__call__",
    "_AsyncClosing.__call__",
    "guarded.<locals>.decorate.<locals>.guarded_function",
    "report",
    "EndingSignals._for_signal.<locals>.signal_stand_in",
    "EndingSignals._for_getsignal.<locals>.getsignal_stand_in",
    "EndingSignals._seen",
    "_run",
    "BackgroundWorker._work",
    "BackgroundWorker._drain",
}
CANNOT_FAIL = re.compile(r"\s*(try:|return( \w+)?|result = response\.parse\(\)|coroutine\.send\(None\))\s*")


COVERED = set()
"""Places that an earlier scenario has tried."""


class InjectedError(Exception):
    pass


class Tracer:
    """Notes each line of ours that runs, and raises at one of them, the first time."""

    def __init__(self, target=None):
        self.lines = set()
        self.target = target

    def __call__(self, frame, event, argument):
        code = frame.f_code
        if code.co_filename.startswith(FOLDER) and code.co_qualname not in HANDS_OVER:
            return self.line
        return None

    def line(self, frame, event, argument):
        if event == "line" and not CANNOT_FAIL.fullmatch(
            linecache.getline(frame.f_code.co_filename, frame.f_lineno)
        ):
            place = (Path(frame.f_code.co_filename).name, frame.f_code.co_qualname, frame.f_lineno)
            self.lines.add(place)
            if place == self.target:
                self.target = None
                raise InjectedError(place)
        return self.line


def client_for_all(kind=openai.OpenAI, **options):
    """Return a client whose server streams, or answers, or first fails, as the last message asks."""
    failures = []

    def handler(request):
        body = json.loads(request.content)
        if body["model"] == "refused":
            return httpx.Response(400, json={"error": {"message": "No."}})
        if body["model"] == "retried" and not failures:
            failures.append(body)
            return httpx.Response(500, headers={"retry-after-ms": "1"}, json={"error": {"message": "Again."}})
        answer = STREAMS[request.url.path] if body.get("stream") else ANSWERS[request.url.path]
        kind = "text/event-stream" if body.get("stream") else "application/json"
        return httpx.Response(200, headers={"content-type": kind}, stream=Pieces(answer, 200))

    async def async_handler(request):
        return handler(request)

    if kind is openai.OpenAI:
        http_client = httpx.Client(transport=httpx.MockTransport(handler))
    else:
        http_client = httpx.AsyncClient(transport=httpx.MockTransport(async_handler))
    return kind(**{"api_key": "none", "max_retries": 0, "http_client": http_client, **options})


def ask(client, model="gpt-4o-mini", **options):
    return client.chat.completions.create(model=model, messages=MESSAGES, **options)


def whole():
    return ask(client_for_all(), temperature=1, stop="x", tools=[TOOL]).model_dump()


def carried():
    with otel_llm.context(user="u-1", prompt=("greeting", "2"), tags={"team": "a"}, documents=["It rains."]):
        return ask(client_for_all()).model_dump()


def stream():
    chunks = ask(client_for_all(), stream=True)
    return [type(chunks), [part.choices[0].delta.content for part in chunks]]


def stream_closed():
    with ask(client_for_all(), stream=True) as chunks:
        return next(chunks).choices[0].delta.content


def stream_dropped():
    return next(ask(client_for_all(), stream=True)).id


def stream_from_memory():
    with ask(client_for(CHUNKS), stream=True) as chunks:  # its body was read before
        return next(chunks).id


def raw():
    response = client_for_all().chat.completions.with_raw_response.create(
        model="gpt-4o-mini", messages=MESSAGES, stream=True
    )
    return [response.status_code, [part.id for part in response.parse()]]


def body(stream=False):
    with client_for_all().chat.completions.with_streaming_response.create(
        model="gpt-4o-mini", messages=MESSAGES, stream=stream
    ) as response:
        return response.read()


def body_of_events():
    return body(stream=True)


def refused():
    with pytest.raises(openai.APIStatusError) as error:
        ask(client_for_all(), "refused")
    return [type(error.value), error.value.status_code, str(error.value)]


def retried():
    return ask(client_for_all(max_retries=2), "retried").id


async def async_whole():
    return (await ask(client_for_all(openai.AsyncOpenAI))).model_dump()


async def async_retried():
    return (await ask(client_for_all(openai.AsyncOpenAI, max_retries=2), "retried")).id


async def async_stream():
    return [part.id async for part in await ask(client_for_all(openai.AsyncOpenAI), stream=True)]


async def async_stream_closed():
    async with await ask(client_for_all(openai.AsyncOpenAI), stream=True) as chunks:
        async for part in chunks:
            return part.id
    return None


async def async_body():
    completions = client_for_all(openai.AsyncOpenAI).chat.completions
    async with completions.with_streaming_response.create(
        model="gpt-4o-mini", messages=MESSAGES, stream=True
    ) as response:
        return await response.read()


SCENARIOS = [
    *CLAUDE_SCENARIOS,
    whole, carried, stream, stream_closed, stream_dropped, stream_from_memory, raw, body, body_of_events, refused,
    retried, async_whole, async_retried, async_stream, async_stream_closed, async_body,
]  # fmt: skip


def play(scenario):
    # in a context of its own: a fault on the way out of one leaves it entered
    return contextvars.copy_context().run(
        lambda: asyncio.run(scenario()) if inspect.iscoroutinefunction(scenario) else scenario()
    )


def traced(tracer, scenario):
    threading.settrace(tracer)
    sys.settrace(tracer)
    try:
        return play(scenario)
    finally:
        sys.settrace(None)
        threading.settrace(None)


def rest():
    """Wait until the worker sleeps, so that the next task wakes it; fill a cache, which the next call clears."""
    full = {-number: (None, "") for number in range(base_url._KEPT_LIMIT)}  # no object has such an id
    base_url._texts.update(full)
    assert setup.flush(10)
    deadline = time.monotonic() + 60
    while setup._worker._awake:
        assert time.monotonic() < deadline
        time.sleep(0.001)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_a_fault_at_any_line_leaves_the_apps_result_unchanged(exported, caplog, scenario):
    expected = play(scenario)
    exported.instrument(capture_content="span_and_event", debug_raise=False, redact="all")
    play(scenario)
    rest()
    everything = Tracer()
    assert traced(everything, scenario) == expected
    assert len(everything.lines) > 100

    caplog.set_level(logging.WARNING)
    unreported = []
    for place in sorted(everything.lines - COVERED):
        rest()
        guard._reported.clear()
        caplog.clear()
        tracer = Tracer(place)
        assert traced(tracer, scenario) == expected, place
        assert tracer.target is None, f"{place} did not run"
        rest()
        if "Injected" not in caplog.text:
            unreported.append(place)
    COVERED.update(everything.lines)
    assert unreported == []
    exported.span_exporter.clear()
    play(scenario)
    assert exported.spans  # no fault left anything behind that keeps later calls from being recorded


def test_a_failure_is_logged_once(exported, monkeypatch, caplog):
    exported.instrument(debug_raise=False)
    monkeypatch.setattr(type(OPENAI), "read_request", lambda *_: 1 / 0)
    client = client_for(COMPLETION)
    for _ in range(3):
        client.chat.completions.create(model="gpt-4o-mini", messages=[])

    assert [record.getMessage() for record in caplog.records if record.name == "otel_llm"] == [
        "otel-llm: opening a call failed, the app is not affected: ZeroDivisionError: division by zero"
    ]


def test_a_failure_is_raised_where_tests_ask_for_it(instrumented, monkeypatch):
    monkeypatch.setattr(type(OPENAI), "read_request", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        client_for(COMPLETION).chat.completions.create(model="gpt-4o-mini", messages=[])
