"""A fault at any line of ours leaves the app's result as it was, ends nothing twice, and is logged."""

import logging
import sys
import threading
from pathlib import Path

import openai
import pytest
from in_process import COMPLETION, chunk, client_for

from otel_llm import instrument as package
from otel_llm.instrument import guard, setup

FOLDER = str(Path(package.__file__).parent)
CHUNKS = [chunk({"content": "It "}), chunk({"content": "rains."}), chunk({}, finish_reason="stop")]
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {}}}
# Where the app's own call or iteration goes through a function of ours, its lines only hand over. They, and what
# catches our faults, cannot be faulty themselves; all else can.
HANDS_OVER = {
    "wrap.<locals>.call_client",
    "_settle",
    "Reader.__next__",
    "Reader.__iter__",
    "Reader.__getattr__",
    "Reader.__del__",
    "Reading.chunk",
    "Reading._outcome",
    "hook_close.<locals>.close",
    "guarded.<locals>.decorate.<locals>.guarded_function",
    "report",
    "_run",
    "Worker._work",
}


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
        if event == "line":
            place = (Path(frame.f_code.co_filename).name, frame.f_code.co_qualname, frame.f_lineno)
            self.lines.add(place)
            if place == self.target:
                self.target = None
                raise InjectedError(place)
        return self.line


def scenario(failing_client):
    """Return all that an app sees of one call, of streams read and closed, and of an error."""
    messages = [{"role": "user", "content": "How is the weather?"}]
    seen = []
    answer = client_for(COMPLETION).chat.completions.create(
        model="gpt-4o-mini", messages=messages, temperature=1, stop="x", tools=[TOOL]
    )
    seen.append(answer.model_dump())
    client = client_for(CHUNKS)
    stream = client.chat.completions.create(model="gpt-4o-mini", messages=messages, stream=True)
    seen.append([type(stream), [part.choices[0].delta.content for part in stream]])
    with client.chat.completions.create(model="gpt-4o-mini", messages=messages, stream=True) as stream:
        seen.append(next(stream).choices[0].delta.content)
    seen.append(next(client.chat.completions.create(model="gpt-4o-mini", messages=messages, stream=True)).id)
    raw = client.chat.completions.with_raw_response.create(model="gpt-4o-mini", messages=messages, stream=True)
    seen.append([raw.status_code, [part.id for part in raw.parse()]])
    with pytest.raises(openai.APIStatusError) as error:
        failing_client.chat.completions.create(model="gpt-4o-mini", messages=messages)
    seen.append([type(error.value), error.value.status_code, str(error.value)])
    return seen


def traced(tracer, failing_client):
    threading.settrace(tracer)
    sys.settrace(tracer)
    try:
        return scenario(failing_client)
    finally:
        sys.settrace(None)
        threading.settrace(None)


@pytest.fixture
def failing_client():
    from in_process import httpx

    response = lambda _: httpx.Response(429, json={"error": {"message": "Slow down."}})  # noqa: E731
    client = httpx.Client(transport=httpx.MockTransport(response))
    return openai.OpenAI(api_key="none", max_retries=0, http_client=client)


def test_a_fault_at_any_line_leaves_the_apps_result_unchanged(exported, failing_client, caplog):
    expected = scenario(failing_client)
    exported.instrument(capture_content="span_and_event", debug_raise=False)
    scenario(failing_client)
    assert setup.flush(10)
    everything = Tracer()
    assert traced(everything, failing_client) == expected
    assert len(everything.lines) > 200

    caplog.set_level(logging.WARNING)
    unreported = []
    for place in sorted(everything.lines):
        guard._reported.clear()
        caplog.clear()
        tracer = Tracer(place)
        assert traced(tracer, failing_client) == expected, place
        assert tracer.target is None, f"{place} did not run"
        if "Injected" not in caplog.text:
            unreported.append(place)
    assert unreported == []
    assert exported.spans
    exported.span_exporter.clear()
    scenario(failing_client)
    assert len(exported.spans) == 6  # no fault left anything behind that keeps later calls from being recorded


def test_a_failure_is_logged_once(exported, monkeypatch, caplog):
    exported.instrument(debug_raise=False)
    monkeypatch.setattr(setup.OPENAI.__class__, "read_request", lambda *_: 1 / 0)
    client = client_for(COMPLETION)
    for _ in range(3):
        client.chat.completions.create(model="gpt-4o-mini", messages=[])

    assert [record.getMessage() for record in caplog.records if record.name == "otel_llm"] == [
        "otel-llm: opening a call failed, the app is not affected: ZeroDivisionError: division by zero"
    ]


def test_a_failure_is_raised_where_tests_ask_for_it(instrumented, monkeypatch):
    monkeypatch.setattr(setup.OPENAI.__class__, "read_request", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        client_for(COMPLETION).chat.completions.create(model="gpt-4o-mini", messages=[])
