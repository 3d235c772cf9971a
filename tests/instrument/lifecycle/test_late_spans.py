"""Spans of calls that ended before their price was loaded."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from in_process import COMPLETION, chunk, client_for
from opentelemetry import trace
from opentelemetry.sdk.trace import ConcurrentMultiSpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from otel_llm import names
from otel_llm.instrument import setup, worker
from otel_llm.instrument.cost.prices import Prices
from otel_llm.instrument.lifecycle import late_spans

ASK = [{"role": "user", "content": "Hello?"}]
COST = (10 * 0.15 + 5 * 0.6) / 1e6
PROGRAM = """
import os, sys, threading
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, ConsoleSpanExporter
import otel_llm
from otel_llm.instrument import worker
from otel_llm.instrument.cost.prices import Prices
from in_process import COMPLETION, client_for
tracers = TracerProvider()
write = lambda span: f"{span.name} {os.getpid()} {span.attributes.get('gen_ai.usage.cost')}\\n"
tracers.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter(formatter=write)))
otel_llm.instrument(tracer_provider=tracers, meter_provider=NoOpMeterProvider(), sdk=False)
client = client_for(COMPLETION)
ask = lambda: client.chat.completions.create(model="gpt-4o-mini", messages=[])
"""


@pytest.fixture
def loading(monkeypatch):
    """Prices that are being loaded until the event is set."""
    loaded = threading.Event()
    find = Prices._find
    monkeypatch.setattr(Prices, "_find", lambda *arguments: loaded.wait(20) and find(*arguments))
    yield loaded
    loaded.set()
    assert setup.flush(10)


def run(code):
    """Return what a program of its own writes, without the name of the process."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("OTEL_")}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM + code],
        env={**clean, "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return [line.split() for line in done.stdout.splitlines()]


def finished(exported):
    return list(exported.span_exporter.get_finished_spans())


def test_the_first_call_of_a_process_has_its_cost_however_short_it_is():
    ((name, model, _, cost),) = run("ask()\n")

    assert (name, model) == ("chat", "gpt-4o-mini")
    assert float(cost) == pytest.approx(COST)


def test_a_call_that_ends_before_its_price_is_loaded_ends_when_it_ended(exported, loading):
    exported.instrument()
    before_ns = time.time_ns()
    client_for(COMPLETION).chat.completions.create(model="gpt-4o-mini", messages=ASK)
    after_ns = time.time_ns()
    assert finished(exported) == []
    loading.set()

    span = exported.span
    assert before_ns <= span.start_time <= span.end_time <= after_ns
    assert span.attributes[names.USAGE_COST] == pytest.approx(COST)
    (point,) = exported.points(names.COST.name)
    assert point.value == pytest.approx(COST)


def test_a_stream_that_ends_before_its_price_is_loaded_has_its_cost(exported, loading):
    exported.instrument()
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    chunks = [chunk({"content": "Hi"}), chunk({}, finish_reason="stop", usage=usage)]
    list(client_for(chunks).chat.completions.create(model="gpt-4o-mini", messages=ASK, stream=True))
    loading.set()

    assert exported.span.attributes[names.USAGE_COST] == pytest.approx(COST)


def test_a_late_span_is_inside_the_span_that_it_was_started_in(exported, loading):
    exported.instrument()
    with exported.tracer_provider.get_tracer("app").start_as_current_span("work") as outer:
        client_for(COMPLETION).chat.completions.create(model="gpt-4o-mini", messages=ASK)
        assert trace.get_current_span() is outer
    loading.set()

    work, call = sorted(exported.spans, key=lambda span: span.start_time)
    assert call.parent.span_id == work.context.span_id
    assert call.end_time <= work.end_time


def test_late_spans_end_in_the_order_of_their_calls(exported, loading):
    exported.instrument()
    for model in ("gpt-4o-mini", "gpt-4o", "gpt-4.1"):
        client_for(COMPLETION).chat.completions.create(model=model, messages=ASK)
    loading.set()

    assert [span.attributes[names.REQUEST_MODEL] for span in exported.spans] == [
        "gpt-4o-mini",
        "gpt-4o",
        "gpt-4.1",
    ]


def test_a_price_that_never_comes_leaves_the_span_without_cost(exported, loading, monkeypatch):
    monkeypatch.setattr(late_spans, "_WAIT_S", 0.01)
    exported.instrument()
    for _ in range(2):  # a watch that is over does not keep the next one from starting
        exported.span_exporter.clear()
        client_for(COMPLETION).chat.completions.create(model="gpt-4o-mini", messages=ASK)
        deadline = time.monotonic() + 10
        while not finished(exported):
            assert time.monotonic() < deadline
            time.sleep(0.001)
        (span,) = finished(exported)
        assert names.USAGE_COST not in span.attributes
    loading.set()
    assert len(exported.spans) == 1  # and not a second time, when the price is there


def test_a_failed_load_leaves_the_span_without_cost(exported, monkeypatch, caplog):
    def fail(*_):
        raise ImportError("no list")

    monkeypatch.setattr(Prices, "load", fail)
    exported.instrument(debug_raise=False)
    client_for(COMPLETION).chat.completions.create(model="gpt-4o-mini", messages=ASK)

    assert names.USAGE_COST not in exported.span.attributes
    assert "no list" in caplog.text


def test_an_exit_ends_the_spans_whose_price_never_comes():
    ((*_, cost),) = run(
        "worker._EXIT_FLUSH_S = 0.01\n"
        "Prices._find = lambda *_: threading.Event().wait()\n"
        "ask()\n"
    )  # fmt: skip
    assert cost == "None"


def test_a_forked_child_leaves_the_late_spans_to_its_parent():
    spans = run(
        "loaded = threading.Event()\n"
        "find = Prices._find\n"
        "Prices._find = lambda *arguments: loaded.wait(20) and find(*arguments)\n"
        "worker._FORK_WAIT_S = 0.01\n"
        "ask()\n"
        "if (child := os.fork()) == 0:\n"
        "    sys.exit()\n"
        "os.waitpid(child, 0)\n"
        "loaded.set()\n"
        "print('parent parent', os.getpid(), 0, flush=True)\n"
    )
    assert len(spans) == 2
    assert len({process for *_, process, _ in spans}) == 1


def test_where_no_watch_can_be_started_the_span_ends_with_its_call(exported, loading, monkeypatch, caplog):
    exported.instrument(debug_raise=False)
    client = client_for(COMPLETION)
    setup._active.worker.prepare(lambda: None)  # the worker has its thread

    def refuse(*_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(late_spans._thread, "start_new_thread", refuse)
    client.chat.completions.create(model="gpt-4o-mini", messages=ASK)

    (span,) = finished(exported)
    assert names.USAGE_COST not in span.attributes
    assert "starting a thread failed, the app is not affected" in caplog.text


def test_a_call_that_is_not_recorded_holds_no_span(exported, loading, monkeypatch):
    monkeypatch.setattr(late_spans, "hold", lambda *_: pytest.fail("a span is held"))
    exported.instrument()
    unsampled = trace.SpanContext(trace_id=1, span_id=1, is_remote=True, trace_flags=trace.TraceFlags(0))
    with trace.use_span(trace.NonRecordingSpan(unsampled)):
        client_for(COMPLETION).chat.completions.create(model="gpt-4o-mini", messages=ASK)
    loading.set()

    assert exported.spans == []
    assert exported.points(names.COST.name)


def test_where_the_worker_cannot_start_no_span_waits(exported, monkeypatch):
    start = worker._thread.start_new_thread

    def refuse(function, arguments):
        if function is late_spans._watch:
            return start(function, arguments)
        raise RuntimeError("can't start new thread")

    exported.instrument(debug_raise=False)
    telemetry_worker = worker.BackgroundWorker()
    monkeypatch.setattr(setup._active, "worker", telemetry_worker)
    monkeypatch.setattr(worker._thread, "start_new_thread", refuse)
    client_for(COMPLETION).chat.completions.create(model="gpt-4o-mini", messages=ASK)
    (span,) = finished(exported)
    monkeypatch.undo()

    assert names.USAGE_COST not in span.attributes
    assert telemetry_worker.flush(10)
    assert finished(exported) == [span]


@pytest.mark.parametrize("end", ["tracers.shutdown()", "tracers.force_flush()"])
def test_a_flush_of_the_provider_right_after_the_first_call_has_its_span_with_the_cost(end):
    (before, after), flushed = run(
        "from opentelemetry.sdk.trace.export import BatchSpanProcessor\n"
        "batches = BatchSpanProcessor(ConsoleSpanExporter(formatter=write), schedule_delay_millis=60_000)\n"
        "tracers = TracerProvider()\n"
        "tracers.add_span_processor(batches)\n"
        "otel_llm.instrument(tracer_provider=tracers, meter_provider=NoOpMeterProvider())\n"
        "ask()\n"
        "print('before', 'after', flush=True)\n"
        f"{end}\n"
        "os._exit(0)\n"
    )
    assert (before, after) == ("before", "after")
    assert float(flushed[-1]) == pytest.approx(COST)


@pytest.mark.parametrize("end", ["shutdown", "force_flush"])
def test_a_flush_of_the_provider_ends_the_spans_whose_price_does_not_come(exported, loading, monkeypatch, end):
    monkeypatch.setattr(late_spans, "_FLUSH_S", 0.01)
    exported.instrument()
    client_for(COMPLETION).chat.completions.create(model="gpt-4o-mini", messages=ASK)
    assert finished(exported) == []
    getattr(exported.tracer_provider, end)()

    (span,) = finished(exported)
    assert names.USAGE_COST not in span.attributes


def test_a_provider_whose_flush_is_not_heard_holds_no_span(exported, loading):
    exported.tracer_provider = TracerProvider(active_span_processor=ConcurrentMultiSpanProcessor(1))
    exported.tracer_provider.add_span_processor(SimpleSpanProcessor(exported.span_exporter))
    exported.instrument()
    client_for(COMPLETION).chat.completions.create(model="gpt-4o-mini", messages=ASK)

    (span,) = finished(exported)
    assert names.USAGE_COST not in span.attributes
