"""Processes of other kinds: gevent, multiprocessing, threads that come and go."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PRELUDE = """
import json, sys, time

def providers():
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    spans, reader = InMemorySpanExporter(), InMemoryMetricReader()
    tracers = TracerProvider()
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    return spans, reader, dict(tracer_provider=tracers, meter_provider=MeterProvider([reader]))

def ask(text="count", **options):
    return client.chat.completions.create(
        model="scripted", messages=[{"role": "user", "content": text}], **options
    )

def calls_in(reader):
    data = json.loads(reader.get_metrics_data().to_json())
    metrics = [metric for scope in data["resource_metrics"][0]["scope_metrics"] for metric in scope["metrics"]]
    (durations,) = [m["data"] for m in metrics if m["name"] == "gen_ai.client.operation.duration"]
    return sum(point["count"] for point in durations["data_points"])
"""
# ten streams of half a second each, and a greenlet that must run all the while
GREENLETS = """
import gevent
import openai
from otel_llm.instrument.setup import flush

client = openai.OpenAI(max_retries=0)
ticks = []
def tick():
    while True:
        ticks.append(time.monotonic())
        gevent.sleep(0.01)

ticker = gevent.spawn(tick)
under_way, most = set(), 0
def read(number):
    global most
    chunks = 0
    for _ in ask("long", stream=True):
        under_way.add(number)
        most = max(most, len(under_way))
        chunks += 1
    under_way.discard(number)
    return chunks

readers = [gevent.spawn(read, number) for number in range(10)]
gevent.joinall(readers, raise_error=True)
assert flush(10)
ticker.kill()
longest = max(later - earlier for earlier, later in zip(ticks, ticks[1:]))
print(json.dumps({
    "chunks": sorted({reader.value for reader in readers}), "spans": len(spans.get_finished_spans()),
    "calls": calls_in(reader), "most": most, "longest": longest,
}))
"""
PATCHED_FIRST = (
    "from gevent import monkey; monkey.patch_all()\n"
    + PRELUDE
    + "import otel_llm; spans, reader, given = providers(); otel_llm.instrument(**given)\n"
    + GREENLETS
)
# as under `otel-llm run`, whose instrumentation comes before the first line of the app
PATCHED_LATER = (
    PRELUDE
    + "import otel_llm; spans, reader, given = providers(); otel_llm.instrument(**given)\n"
    + "from gevent import monkey; monkey.patch_all()\n"
    + GREENLETS
)
# the worst order: calls, and so our thread, are there before the patch. The thread has no work: gevent breaks the
# locks of an import that another thread is in
PATCHED_AFTER_A_CALL = (
    PRELUDE
    + "import otel_llm; spans, reader, given = providers(); otel_llm.instrument(**given)\n"
    + "import openai; client = openai.OpenAI(max_retries=0); ask()\n"
    + "from otel_llm.instrument.setup import flush; assert flush(60)\n"
    + "import warnings; warnings.simplefilter('ignore')\n"
    + "from gevent import monkey; monkey.patch_all()\n"
    + GREENLETS
)
POOL = (
    PRELUDE
    + """
import multiprocessing
import otel_llm

spans, reader, given = providers()
otel_llm.instrument(**given)
import openai
client = openai.OpenAI(max_retries=0)
if __name__ == "__main__":
    ask()
    stream = ask("long", stream=True)
    next(stream)
began_ns = time.time_ns()

def work(number):
    from otel_llm.instrument.setup import flush
    ask()
    assert flush(10)
    # a forked process may have what the parent had recorded, in its memory's copy
    return [span.name for span in spans.get_finished_spans() if span.start_time > began_ns]

if __name__ == "__main__":
    with multiprocessing.get_context(METHOD).Pool(2) as pool:
        seen = pool.map(work, range(4), chunksize=1)
    list(stream)
    from otel_llm.instrument.setup import flush
    assert flush(10)
    print(json.dumps({"children": seen, "spans": len(spans.get_finished_spans()), "calls": calls_in(reader)}))
"""
)


@pytest.fixture
def environment(base_url):
    clean = {key: value for key, value in os.environ.items() if not key.startswith("OTEL_")}
    return {**clean, "OPENAI_API_KEY": "none", "OPENAI_BASE_URL": base_url}


def run(path: Path, code: str, environment):
    path.write_text(code)
    done = subprocess.run(
        [sys.executable, path], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("code", "calls_before"),
    [(PATCHED_FIRST, 0), (PATCHED_LATER, 0), (PATCHED_AFTER_A_CALL, 1)],
    ids=["first", "later", "after a call"],
)
def test_greenlets_are_recorded_and_never_blocked(environment, tmp_path, code, calls_before):
    seen = run(tmp_path / "app.py", code, environment)

    assert seen["chunks"] == [12]  # role, ten words, finish
    assert (seen["spans"], seen["calls"]) == (10 + calls_before, 10 + calls_before)
    assert seen["most"] > 1  # it is one, if they come one after the other
    assert seen["longest"] < 10  # seconds


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_pool_of_processes_records_its_own_calls_alone(environment, tmp_path, method):
    seen = run(tmp_path / "app.py", POOL.replace("METHOD", repr(method)), environment)

    assert all(set(names) == {"chat scripted"} for names in seen["children"])
    assert {len(names) for names in seen["children"]} <= set(range(1, 5))
    assert (seen["spans"], seen["calls"]) == (2, 2)
