"""Spans per CPU-second through the service, beside a naive one, and its added latency inline. Linux; 3 minutes.

Run: python benchmarks/service.py

Both are processes of their own that take trace exports over gRPC and send them on to a third one, which
discards them. The naive one is what one would write with the generated classes (service_peer.py). What counts
is the CPU time of its process, in rounds that alternate; the ratio is the median of the rounds. No call is
evaluated: what that costs is another benchmark (evaluators.py).

"Passed on" has no evaluators, and nothing is read of a span. "Read, sampled out" has one that is to see none of
the traces, so that of each span its trace id and its status are looked at.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import grpc
import httpx
from otlp_load import BATCH, EXPORT, request

HERE = Path(__file__).parent
CONNECTIONS = 4
ON_DISK: dict[str, Any] = {"queue": {"folder": "queue"}}
SAMPLED_OUT: dict[str, Any] = {
    "evaluate": {"evaluators": ["secrets"], "drift": {"enabled": False}},
    "selection": {"sampling": {"default": 0.0}},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--requests", type=int, default=100, help="a round")
    options = parser.parse_args()
    print(f"{BATCH} spans a request, 15 attributes and 1 kB of messages each; {options.rounds} rounds\n")
    print("| forwarding, spans per CPU-second | naive | otel-llm | ratio |")
    print("|---|---|---|---|")
    for name, share, settings in (
        ("passed on, all GenAI", 1.0, {}),
        ("passed on, 20 % GenAI", 0.2, {}),
        ("read, sampled out, all GenAI", 1.0, SAMPLED_OUT),
        ("read, sampled out, 20 % GenAI", 0.2, SAMPLED_OUT),
        ("passed on, all GenAI, queue on disk", 1.0, ON_DISK),
        ("passed on, 20 % GenAI, queue on disk", 0.2, ON_DISK),
    ):
        naive, ours = forward(share, options.rounds, options.requests, settings)
        ratio = statistics.median(a / b for a, b in zip(naive, ours, strict=True))
        print(f"| {name} | {rate(naive, options):,.0f} | {rate(ours, options):,.0f} | {ratio:.2f} |", flush=True)
    print("\n| added latency inline, ms | median | p99 | memory, MiB |")
    print("|---|---|---|---|")
    for name, settings in (("queue in memory", {}), ("queue on disk", ON_DISK)):
        added, resident = latency(settings)
        quantiles = statistics.quantiles(added, n=100)
        print(
            f"| {name} | {statistics.median(added) * 1e3:.1f} | {quantiles[98] * 1e3:.1f} | {resident} |",
            flush=True,
        )


def rate(seconds: Sequence[float], options: argparse.Namespace) -> float:
    return options.requests * BATCH / statistics.median(seconds)


def forward(share: float, rounds: int, requests: int, settings: dict[str, Any]) -> tuple[list[float], list[float]]:
    """Return the CPU seconds of each round, of the naive service and of ours."""
    with ExitStack() as stack:
        _, target = stack.enter_context(started([sys.executable, str(HERE / "service_peer.py"), "discard"]))
        naive, naive_at = stack.enter_context(
            started([sys.executable, str(HERE / "service_peer.py"), "forward", target])
        )
        ours, ours_at, _ = stack.enter_context(service(target, settings))
        taken: dict[int, list[float]] = {naive: [], ours: []}
        for number in range(rounds + 1):  # the first warms up
            bodies = [request(share) for _ in range(requests)]
            for pid, at in ((naive, naive_at), (ours, ours_at)):
                seconds = cpu_of(pid, lambda at=at, bodies=bodies: send_all(at, bodies))
                if number:
                    taken[pid].append(seconds)
        return taken[naive], taken[ours]


def latency(settings: dict[str, Any], requests: int = 1000) -> tuple[list[float], int]:
    """Return, of requests of 10 spans one after another, the time until each arrives behind it.

    The median of the same way without the service is taken off. Beside it, its memory in MiB.
    """
    with ExitStack() as stack:
        arrived: dict[bytes, float] = {}
        server = grpc.server(ThreadPoolExecutor(max_workers=2))

        def export(body: bytes, context: Any) -> bytes:
            arrived[body[-8:]] = time.perf_counter()
            return b""

        method = grpc.unary_unary_rpc_method_handler(export)
        name = EXPORT.split("/")[1]
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, {"Export": method}),))
        target = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        server.start()
        stack.callback(lambda: server.stop(None).wait())
        pid, at, _ = stack.enter_context(service(target, settings))
        bodies = [request(1.0, spans=10) for _ in range(requests)]
        straight = statistics.median(way(target, bodies[:200], arrived))
        through = way(at, bodies, arrived)
        status = Path(f"/proc/{pid}/status").read_text()
        resident = next(int(line.split()[1]) // 1024 for line in status.splitlines() if line.startswith("VmRSS"))
        return [max(0.0, each - straight) for each in through], resident


def way(at: str, bodies: Sequence[bytes], arrived: dict[bytes, float]) -> list[float]:
    taken = []
    with grpc.insecure_channel(at) as channel:
        export = channel.unary_unary(EXPORT)
        for body in bodies:
            arrived.pop(body[-8:], None)
            started_s = time.perf_counter()
            export(body)
            while body[-8:] not in arrived:
                time.sleep(0.0002)
            taken.append(arrived[body[-8:]] - started_s)
    return taken


def send_all(at: str, bodies: Sequence[bytes]) -> None:
    """Send the requests over a few connections, and return once all are answered."""

    def some(own: Sequence[bytes]) -> None:
        with grpc.insecure_channel(at, options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
            export = channel.unary_unary(EXPORT)
            for body in own:
                export(body)

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        for done in [pool.submit(some, bodies[number::CONNECTIONS]) for number in range(CONNECTIONS)]:
            done.result()


def cpu_of(pid: int, work: Callable[[], None]) -> float:
    """Return the CPU seconds that a process spends on the work, and on what it leaves to be done."""
    before = cpu_seconds(pid)
    work()
    last = -1.0
    while (now := cpu_seconds(pid)) - last > 0.005:  # it goes on until it rests
        last = now
        time.sleep(0.2)
    return now - before


@contextmanager
def service(target: str, settings: dict[str, Any]) -> Iterator[tuple[int, str, str]]:
    """Run the service between us and a target; yield its process id, its gRPC address and its telemetry's URL."""
    with tempfile.TemporaryDirectory() as folder:
        given = {
            "grpc_port": 0,
            "http_port": 0,
            "telemetry_port": 0,
            "forward": {"endpoint": f"grpc://{target}", "batch_delay_s": 0},
            "evaluate": {"evaluators": [], "drift": {"enabled": False}},
        }
        path = Path(folder, "service.yaml")
        path.write_text(json.dumps(given | settings))  # JSON is YAML
        command = [sys.executable, "-m", "otel_llm", "collector", "--config", str(path)]
        with started(command, folder) as (pid, line):
            words = line.replace(",", "").split()
            telemetry = words[5].removesuffix("/metrics")
            assert httpx.get(f"{telemetry}/healthz").status_code == 200
            yield pid, words[1], telemetry


@contextmanager
def started(command: Sequence[str], folder: str | None = None) -> Iterator[tuple[int, str]]:
    """Run a process in a folder; yield its id and what it says behind "ready: "."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=folder)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line.startswith("ready: "):
            raise SystemExit(f"{command} did not start: exit status {process.wait()}")
        yield process.pid, line.removeprefix("ready: ").strip()
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate()


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
