"""The end of a process: what the app sees of ours, which is nothing, and how long it may take."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
from delivered import counted, environment
from otlp_sink import otlp_sink
from program_ends import BEGIN, BIN, KILLER, End, delivered_by

import otel_llm
from otel_llm.instrument import guard
from otel_llm.instrument.process_end.helpers import Helpers

UNLOADED = (
    "import threading\n"
    "from otel_llm.instrument.cost.prices import Prices\n"
    "Prices._find = lambda *_: threading.Event().wait()\n"
)
OWN_SDK = """
import otel_llm
otel_llm.instrument(sdk=False)
from otel_llm.instrument.setup import flush
ask()
assert flush(20)
from opentelemetry import metrics, trace
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
trace.set_tracer_provider(TracerProvider())
trace.get_tracer_provider().add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
metrics.set_meter_provider(MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())]))
ask(2)
"""
SEEN = """
default, handler = signal.SIG_DFL, lambda *_: None
print(signal.getsignal(signal.SIGTERM) is default, signal.signal(signal.SIGTERM, handler) is default)
print(signal.getsignal(signal.SIGTERM) is handler, signal.signal(signal.SIGTERM, default) is handler)
print(signal.getsignal(signal.SIGTERM) is default, signal.getsignal(signal.SIGHUP) is default)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(signal.getsignal(signal.SIGTERM) is signal.SIG_IGN)
os.kill(os.getpid(), signal.SIGTERM)
signal.signal(signal.SIGTERM, default)
ask()
os.kill(os.getpid(), signal.SIGTERM)
"""
ORDER = """
import atexit
for name in ("first", "second"):
    atexit.register(print, name)
ask()
atexit.register(print, "third")
print("end")
"""


@pytest.fixture
def silent():
    """An endpoint that takes connections, and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def endpoint(server):
    return f"http://127.0.0.1:{server.getsockname()[1]}"


def start(code, server, **variables):
    return subprocess.Popen(
        [BIN / "otel-llm", "run", "--endpoint", endpoint(server), "--", sys.executable, "-c", BEGIN + code],
        env=environment(OTEL_EXPORTER_OTLP_TIMEOUT="100", **variables), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


@pytest.mark.parametrize("end", ["", "sys.exit(0)", "os._exit(0)", "os.kill(os.getpid(), signal.SIGTERM)"])
def test_an_endpoint_that_never_answers_holds_no_end_longer_than_the_timeout(silent, end):
    code = f"ask()\nprint(time.time(), flush=True)\n{end}"
    process = start(code, silent, OTEL_LLM_EXIT_TIMEOUT_S="2")
    output, _ = process.communicate(timeout=200)

    assert process.returncode == (-signal.SIGTERM if "SIGTERM" in end else 0)
    assert time.time() - float(output) < 30  # each of three exporters alone would wait for 100 s


def test_without_a_timeout_the_end_does_not_wait(silent):
    process = start("ask()\nos._exit(3)", silent, OTEL_LLM_EXIT_TIMEOUT_S="0")
    process.communicate(timeout=60)

    assert process.returncode == 3


def test_a_second_signal_ends_the_process_at_once(silent):
    process = start("ask()\nprint('up', flush=True)\ntime.sleep(200)", silent, OTEL_LLM_EXIT_TIMEOUT_S="150")
    assert process.stdout.readline() == "up\n"
    process.send_signal(signal.SIGTERM)
    connection, _ = silent.accept()  # the delivery waits for an answer
    with connection:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)

    assert process.returncode == -signal.SIGTERM


def test_metrics_do_not_wait_for_prices_that_never_come(tmp_path):
    delivered = delivered_by(End("", UNLOADED + "ask(3)", 3), tmp_path, OTEL_LLM_EXIT_TIMEOUT_S="6")

    assert delivered == (0, 3, 3, "")


def test_an_sdk_that_is_set_up_after_the_first_call_gets_the_last_ones(tmp_path):
    with otlp_sink() as sink:
        done = subprocess.run(
            [sys.executable, "-c", BEGIN + OWN_SDK], capture_output=True, text=True, check=False,
            env=environment(OTEL_EXPORTER_OTLP_ENDPOINT=sink.endpoint),
        )  # fmt: skip

        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert counted(sink) == (2, 2)


def test_the_app_sees_its_own_signal_handlers_alone(tmp_path):
    delivered = delivered_by(End("", SEEN, 1), tmp_path)

    assert delivered.output == "True True\nTrue True\nTrue True\nTrue\n"
    assert delivered[:3] == (-signal.SIGTERM, 1, 1)


def test_the_apps_exit_handlers_run_in_their_order(tmp_path):
    assert delivered_by(End("", ORDER, 1), tmp_path) == (0, 1, 1, "end\nthird\nsecond\nfirst\n")


def test_calls_of_other_processes_are_not_delivered_before_their_end(tmp_path):
    """A signal to another process is no end of this one, and a program that cannot be executed ends nothing."""
    code = (
        "ask()\n"
        f"os.kill(subprocess.Popen(['sleep', '60']).pid, signal.SIGTERM)\n"
        "try: os.execv('/no/such/program', ['x'])\nexcept FileNotFoundError: print('goes on')\n"
        f"ask()\n{KILLER.replace('{number}', '15')}\ntime.sleep(60)"
    )
    assert delivered_by(End("", code, 2), tmp_path) == (-signal.SIGTERM, 2, 2, "goes on\n")


def test_uninstrumenting_puts_back_all_that_stands_for_the_end(exported):
    own = (os._exit, os.execv, os.execve, os.kill, signal.signal, signal.getsignal, signal.raise_signal)
    exported.instrument()
    assert os._exit is not own[0]
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert own[5](signal.SIGTERM) is not signal.SIG_DFL
    otel_llm.uninstrument()

    assert own == (os._exit, os.execv, os.execve, os.kill, signal.signal, signal.getsignal, signal.raise_signal)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_handler_that_was_set_before_stays(exported):
    handler = lambda *_: None  # noqa: E731
    signal.signal(signal.SIGHUP, handler)
    try:
        exported.instrument()
        assert signal.getsignal(signal.SIGHUP) is handler
        otel_llm.uninstrument()
        assert signal.getsignal(signal.SIGHUP) is handler
    finally:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


def test_another_thread_than_the_main_one_instruments_without_signals(exported):
    thread = threading.Thread(target=exported.instrument)
    thread.start()
    thread.join()

    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_tasks_run_side_by_side_and_nobody_waits_longer_than_the_timeout():
    helpers, go_on = Helpers(), threading.Event()
    meet = threading.Barrier(2, timeout=20)

    assert helpers.run([meet.wait, meet.wait], 20)
    assert not helpers.run([go_on.wait], 0.01)
    go_on.set()


def test_a_task_that_fails_is_reported_and_the_others_run(caplog, monkeypatch):
    monkeypatch.setattr(guard, "_reported", set())
    done = []

    assert Helpers().run([lambda: 1 / 0, lambda: done.append(1)], 20)
    assert done == [1]
    assert "delivering telemetry failed, the app is not affected: ZeroDivisionError" in caplog.text


def test_where_no_thread_can_start_the_caller_runs_the_tasks(monkeypatch):
    def refuse(*_):
        raise RuntimeError("can't create new thread at interpreter shutdown")

    helpers, threads = Helpers(), []
    helpers.prepare(1)
    monkeypatch.setattr("_thread.start_new_thread", refuse)

    assert helpers.run([lambda: threads.append(threading.get_ident())] * 2, 20)
    assert len(set(threads)) == 2
    assert threading.get_ident() in threads
