"""What the instrumentation adds to a call and to a stream of the openai client, beside a hand-written span.

    python benchmarks/instrument.py

Paired: in each round every variant runs the same calls, in random order; only differences within a round count.
The client's HTTP transport is in-process, spans go through a BatchSpanProcessor to an exporter that does nothing.
"caller" is the CPU time of the calling thread, "process" that of all threads, our worker's included.
"""

import importlib
import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import openai
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import SpanKind

import otel_llm
from otel_llm import __version__, names
from otel_llm.instrument.setup import flush

CHUNKS = 201
BUDGET_S = 18  # for calls, and again for streams
MIN_ROUNDS, MAX_ROUNDS = 10, 400
MODEL = "gpt-4o-mini"
MESSAGES = [{"role": "system", "content": "You are brief."}, {"role": "user", "content": "How are you?"}]
USAGE = {
    "prompt_tokens": 20, "completion_tokens": 200, "total_tokens": 220,
    "prompt_tokens_details": {"cached_tokens": 10},
    "completion_tokens_details": {"reasoning_tokens": 0},
}  # fmt: skip

# the client's own: httpx for openai 2.x, httpx2 for 3.x
httpx = importlib.import_module("httpx2" if openai.__version__.startswith("3.") else "httpx")


class Nowhere(SpanExporter):
    def export(self, spans: Any) -> SpanExportResult:
        return SpanExportResult.SUCCESS


tracer_provider = TracerProvider()
tracer_provider.add_span_processor(BatchSpanProcessor(Nowhere()))
meter_provider = MeterProvider([InMemoryMetricReader()])
tracer = tracer_provider.get_tracer("benchmark")
meter = meter_provider.get_meter("benchmark")
histograms = [meter.create_histogram(f"benchmark.{name}") for name in ("duration", "input", "output")]


def respond() -> Callable[[Any], Any]:
    """Return a handler that answers like the provider: one completion, or a stream of CHUNKS chunks."""
    common = {"id": "chatcmpl-1", "created": 1, "model": "gpt-4o-mini-2024-07-18"}
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Fine. " * 200}}
    whole = json.dumps({**common, "object": "chat.completion", "choices": [choice], "usage": USAGE}).encode()
    deltas = [{"index": 0, "delta": {"content": "Fine. "}, "finish_reason": None}] * (CHUNKS - 2)
    chunks = [{"choices": [delta], "usage": None} for delta in deltas]
    chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": None})
    chunks.append({"choices": [], "usage": USAGE})
    lines = [json.dumps({**common, "object": "chat.completion.chunk", **chunk}) for chunk in chunks]
    stream = "".join(f"data: {line}\n\n" for line in [*lines, "[DONE]"]).encode()

    def handler(request: Any) -> Any:
        streamed = b'"stream":true' in request.content
        kind = "text/event-stream" if streamed else "application/json"
        return httpx.Response(200, headers={"content-type": kind}, content=stream if streamed else whole)

    return handler


client = openai.OpenAI(api_key="none", http_client=httpx.Client(transport=httpx.MockTransport(respond())))


def call() -> None:
    client.chat.completions.create(model=MODEL, messages=MESSAGES, temperature=0.5, max_tokens=300)


def stream() -> None:
    options = {"include_usage": True}
    chunks = client.chat.completions.create(model=MODEL, messages=MESSAGES, stream=True, stream_options=options)
    assert sum(1 for _ in chunks) == CHUNKS


def by_hand(work: Callable[[], None]) -> Callable[[], None]:
    """Return the floor: the work inside one span with 15 attributes, and three histogram records with six."""
    labels = {
        names.OPERATION: "chat", names.PROVIDER: "openai", names.REQUEST_MODEL: MODEL,
        names.RESPONSE_MODEL: MODEL, names.SERVER_ADDRESS: "api.openai.com", names.SERVER_PORT: 443,
    }  # fmt: skip
    rest = {
        names.REQUEST_TEMPERATURE: 0.5, names.REQUEST_MAX_TOKENS: 300, names.RESPONSE_ID: "chatcmpl-1",
        names.RESPONSE_FINISH_REASONS: ["stop"], names.USAGE_INPUT_TOKENS: 20, names.USAGE_OUTPUT_TOKENS: 200,
        names.USAGE_CACHE_READ_INPUT_TOKENS: 10, names.USAGE_REASONING_OUTPUT_TOKENS: 0, names.USAGE_COST: 1e-4,
    }  # fmt: skip

    def worked() -> None:
        with tracer.start_as_current_span(f"chat {MODEL}", kind=SpanKind.CLIENT, attributes=labels) as span:
            work()
            span.set_attributes(rest)
            for histogram in histograms:
                histogram.record(1.5, labels)

    return worked


def instrument() -> None:
    otel_llm.instrument(tracer_provider=tracer_provider, meter_provider=meter_provider)


def measure(work: Callable[[], None], count: int) -> tuple[float, float]:
    """Return the CPU seconds of one piece of work: the caller's, the process's."""
    thread, process = time.thread_time(), time.process_time()
    for _ in range(count):
        work()
    thread = time.thread_time() - thread
    flush()
    return thread / count, (time.process_time() - process) / count


def rounds(work: Callable[[], None], count: int) -> dict[str, list[tuple[float, float]]]:
    variants = {"plain": work, "by hand": by_hand(work), "otel-llm": work}
    measured: dict[str, list[tuple[float, float]]] = {variant: [] for variant in variants}
    deadline = time.monotonic() + BUDGET_S
    order = list(variants)
    done = -1  # the first round warms up
    while done < MIN_ROUNDS or (done < MAX_ROUNDS and time.monotonic() < deadline):
        random.shuffle(order)
        for variant in order:
            if variant == "otel-llm":
                instrument()
            variants[variant]()  # what the first call alone pays, such as the look-up of a price
            flush()
            seconds = measure(variants[variant], count)
            otel_llm.uninstrument()
            if done >= 0:
                measured[variant].append(seconds)
        done += 1
    return measured


def table(what: str, measured: dict[str, list[tuple[float, float]]], parts: int) -> None:
    plain = measured["plain"]
    base, base_process = (statistics.median(column) for column in zip(*plain, strict=True))
    print(f"\n{what}: {base * 1e6:,.0f} µs uninstrumented (median of {len(plain)} rounds)")
    print(f"{'':10}{'caller adds':>22}{'a chunk':>11}{'quietest rounds':>20}{'process adds':>22}")
    for variant in ("by hand", "otel-llm"):
        caller, process = (
            statistics.median(one - other for one, other in zip(column, plain_column, strict=True))
            for column, plain_column in zip(
                zip(*measured[variant], strict=True), zip(*plain, strict=True), strict=True
            )
        )
        quiet = quietest(measured[variant]) - quietest(plain)
        chunk = f"{caller / parts * 1e6:8.2f} µs" if parts > 1 else "-"
        print(
            f"{variant:10}{caller * 1e6:11,.0f} µs {caller / base:7.1%}{chunk:>11}"
            f"{quiet * 1e6:9,.0f} µs {quiet / quietest(plain):7.1%}"
            f"{process * 1e6:11,.0f} µs {process / base_process:7.1%}"
        )


def quietest(rounds: list[tuple[float, float]]) -> float:
    """Return the caller's time that a twentieth of the rounds stay below: what other load disturbs least."""
    return statistics.quantiles((caller for caller, _ in rounds), n=20)[0]


def start_up(options: str) -> float:
    """Return the least CPU seconds of the main thread over some fresh processes."""
    code = (
        "import time, openai; started = time.thread_time(); import otel_llm; "
        f"otel_llm.instrument({options}); print(time.thread_time() - started)"
    )
    command = [sys.executable, "-c", code]
    environment = {**os.environ, "OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none"}
    return min(float(subprocess.check_output(command, env=environment)) for _ in range(5))


def main() -> None:
    random.seed(0)
    print(f"openai {openai.__version__}, otel-llm {__version__}, Python {sys.version.split()[0]}")
    print(f"import otel_llm and instrument(), after import openai: {start_up('sdk=False') * 1e3:.0f} ms")
    print(f"  with the set-up of the OpenTelemetry SDK: {start_up('') * 1e3:.0f} ms")
    instrument()  # prices are imported once per process, in the background: not part of any call
    call()
    otel_llm.uninstrument()
    table("One call", rounds(call, 5), 1)
    table(f"One stream of {CHUNKS} chunks", rounds(stream, 1), CHUNKS)


if __name__ == "__main__":
    main()
