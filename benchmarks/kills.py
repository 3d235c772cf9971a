"""Kill the evaluation service under load, again and again, and look whether a span was lost. Linux; 8 minutes.

Run: python benchmarks/kills.py --kills 100

The real Collector, with a sending queue on disk, stands between the load and the service. The service is killed
(SIGKILL) at random moments and started again on the same queue. At the end each span that the Collector took must
have each of its evaluations exactly once, told apart by `otel_llm.evaluation.id`. Results that were delivered more
than once, with the same id, are counted beside: the kill fell between their delivery and the note of it.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_llm.demo.servers import start_collector
from otel_llm.ports import free_port

sys.path[:0] = [str(Path(__file__).parents[1] / "tests"), str(Path(__file__).parent)]

from otlp_load import genai_span, key_value  # noqa: E402
from otlp_sink import OtlpSink, otlp_sink, plain  # noqa: E402 - the tests' own receiver

EVALUATORS = ["pii", "secrets"]
SPANS_A_REQUEST = 5
PAUSE_S = 0.04
PATIENCE_S = 180
"""Longer than the longest pause between two attempts to connect of the Collector's gRPC channel, 120 s."""

PERSISTENT_QUEUE = """yaml:
extensions:
  file_storage/queue: {{directory: {folder}, create_directory: true, fsync: true}}
exporters:
  otlp_grpc/evaluation:
    retry_on_failure: {{initial_interval: 100ms, max_interval: 1s, max_elapsed_time: 0}}
    sending_queue: {{storage: file_storage/queue, queue_size: 1073741824}}
service:
  extensions: [health_check, file_storage/queue]
"""


@dataclass(frozen=True, kw_only=True)
class Report:
    """What came of a run."""

    kills: int
    spans: int
    """Taken by the Collector."""
    lost: int
    """Spans of which a result is missing."""
    results: int
    """Distinct results, by id."""
    repeated: int
    """Results that were delivered again under the same id."""


class Load:
    """Sends requests to the Collector until it is stopped, and keeps the ids of the spans that were taken."""

    def __init__(self, url: str) -> None:
        self.taken: list[str] = []
        self._url = f"{url}/v1/traces"
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> list[str]:
        self._stop.set()
        self._thread.join()
        return self.taken

    def _run(self) -> None:
        with httpx.Client(headers={"content-type": "application/x-protobuf"}) as client:
            while not self._stop.wait(PAUSE_S):
                request = ExportTraceServiceRequest()
                resource = request.resource_spans.add()
                resource.resource.attributes.append(key_value("service.name", "shop"))
                spans = resource.scope_spans.add().spans
                spans.extend(genai_span(number) for number in range(SPANS_A_REQUEST))
                client.post(self._url, content=request.SerializeToString()).raise_for_status()
                self.taken += [span.trace_id.hex() + "-" + span.span_id.hex() for span in spans]


class Service:
    """The service as a process, on one queue over all its lives."""

    def __init__(self, folder: Path, events: str) -> None:
        self.port, self._telemetry = free_port(), free_port()
        self._config = folder / "service.yaml"
        settings = {
            "grpc_port": self.port,
            "http_port": free_port(),
            "telemetry_port": self._telemetry,
            "queue": {"folder": str(folder / "queue")},
            "events": {"endpoint": events, "retry": {"max_s": 2}},
            "evaluate": {"evaluators": EVALUATORS, "drift": {"enabled": False}},
        }
        self._config.write_text(json.dumps(settings))  # JSON is YAML
        self._log = (folder / "service.log").open("w")
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "otel_llm", "collector", "--config", str(self._config)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self._log, text=True)
        assert self._process.stdout is not None
        if not self._process.stdout.readline().startswith("ready"):
            raise SystemExit(f"the service did not start: see {self._log.name}")

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.communicate()

    def close(self) -> None:
        self.kill()
        self._log.close()


def run(kills: int, seed: int) -> Report:
    """Return what came of so many kills."""
    moments = random.Random(seed)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        sink = stack.enter_context(otlp_sink())
        service = Service(folder, sink.endpoint)
        stack.callback(service.close)
        collector = start_collector(
            folder,
            evaluation=f"127.0.0.1:{service.port}",
            overlays=[PERSISTENT_QUEUE.format(folder=folder / "collector-queue")],
        )
        stack.callback(collector.stop)
        load = Load(collector.http_url)
        try:
            for _ in range(kills):
                time.sleep(moments.uniform(0.05, 2.5))
                service.kill()
                service.start()
        finally:
            taken = load.stop()
        ids = wait_for_results(sink, taken)
        return Report(
            kills=kills,
            spans=len(taken),
            lost=len(missing(ids, taken)),
            results=len(ids),
            repeated=ids.total() - len(ids),
        )


def wait_for_results(sink: OtlpSink, taken: list[str], patience_s: float = PATIENCE_S) -> Counter[str]:
    """Return how often each result came, once all are there, or nothing has come for a while."""
    ids: Counter[str] = Counter()
    seen, changed = 0, time.monotonic()
    while time.monotonic() - changed < patience_s:
        new = sink.logs[seen:]
        if new:
            seen, changed = seen + len(new), time.monotonic()
            ids.update(str(plain(record.attributes)["otel_llm.evaluation.id"]) for _, record in new)
        elif not missing(ids, taken):
            break
        time.sleep(0.5)
    return ids


def missing(ids: Counter[str], taken: list[str]) -> list[str]:
    """Return the spans without a result of each evaluator on each side."""
    results = Counter("-".join(each.split("-", 2)[:2]) for each in ids)
    return [span for span in taken if results[span] != 2 * len(EVALUATORS)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4)))
    options = parser.parse_args()
    report = run(options.kills, options.seed)
    print(
        f"{report.kills} kills (seed {options.seed}), {report.spans:,} spans taken by the Collector: "
        f"{report.lost} lost, {report.results:,} results by id, {report.repeated} delivered again"
    )
    if report.lost:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
