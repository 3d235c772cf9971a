"""Spans per CPU-second through the evaluation service. Linux; takes under a minute.

Run: python benchmarks/service.py

Decoding is measured in this process, beside the naive way (parse the whole request, walk every attribute,
make the same calls), the two alternating so that the machine's mood is the same for both. The service is
measured from outside, as a process of its own: CPU seconds that it spent per span, by transport and with its
evaluators off and on.
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import httpx
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from otel_llm.receive.attributes import Attributes
from otel_llm.receive.call import Call
from otel_llm.receive.decode import decode
from otel_llm.receive.genai import SpanFacts, read_call

BATCH = 100
EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
PROSE = "the llama walks slowly up a steep hill and looks at clouds while its keeper reads old letters aloud"


def main() -> None:
    print(f"{BATCH} spans a request, 15 attributes and 1 kB of messages each\n")
    bench_decode()
    print()
    bench_service()


def bench_decode() -> None:
    print(f"{'decode, one thread':34}{'naive':>14}{'otel-llm':>14}{'ratio':>8}   spans per CPU-second")
    for name, share in (("all GenAI", 1.0), ("20 % GenAI", 0.2), ("no GenAI", 0.0)):
        body = request(share)
        naive, ours = paired(lambda body=body: naive_decode(body), lambda body=body: decode(body))
        ratio = statistics.median(a / b for a, b in zip(naive, ours, strict=True))
        print(f"{name:34}{rate(naive):14,.0f}{rate(ours):14,.0f}{ratio:7.1f}x")


def bench_service() -> None:
    print(f"{'service, whole process':34}{'':>14}{'otel-llm':>14}{'':>8}   spans per CPU-second")
    for name, evaluators, requests, share, sender in (
        ("evaluators off, all GenAI, gRPC", [], 100, 1.0, grpc_sender),
        ("evaluators off, all GenAI, HTTP", [], 100, 1.0, http_sender),
        ("evaluators off, 20 % GenAI, gRPC", [], 200, 0.2, grpc_sender),
        ("evaluators off, 20 % GenAI, HTTP", [], 200, 0.2, http_sender),
        ("evaluators and drift on, all GenAI, gRPC", None, 2, 1.0, grpc_sender),
    ):
        with service(evaluators) as (process, addresses):
            cpu_s = drive(process.pid, addresses, sender, request(share), requests)
        print(f"{name:48}{requests * BATCH / cpu_s:14,.0f}")


def paired(*functions: Callable[[], Any], rounds: int = 40) -> list[list[float]]:
    """Return the CPU seconds of each function in each round."""
    times: list[list[float]] = [[] for _ in functions]
    for _ in range(rounds):
        for function, taken in zip(functions, times, strict=True):
            started = time.thread_time()
            function()
            taken.append(time.thread_time() - started)
    return times


def rate(times: list[float]) -> float:
    return BATCH / statistics.median(times)


def naive_decode(body: bytes) -> list[Call]:
    """Make the same calls, but parse everything and walk every attribute of every span."""
    calls = []
    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        service = walk(resource.resource.attributes)["service.name"]
        for scope in resource.scope_spans:
            for span in scope.spans:
                if "gen_ai.operation.name" not in walk(span.attributes):
                    continue
                facts = SpanFacts(
                    trace_id=span.trace_id.hex(),
                    span_id=span.span_id.hex(),
                    service=service,
                    start_ns=span.start_time_unix_nano,
                    duration_s=(span.end_time_unix_nano - span.start_time_unix_nano) / 1e9,
                    failed=span.status.code == Status.STATUS_CODE_ERROR,
                )
                calls.append(read_call(Attributes(span.attributes), facts))
    return [call for call in calls if call]


def walk(attributes: Iterable[KeyValue]) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in attributes}


def request(genai_share: float, spans: int = BATCH) -> bytes:
    kinds = [genai_span if number < genai_share * spans else http_span for number in range(spans)]
    return ExportTraceServiceRequest(
        resource_spans=[
            ResourceSpans(
                resource={"attributes": [key_value("service.name", "shop")]},
                scope_spans=[ScopeSpans(spans=[kind(number) for number, kind in enumerate(kinds)])],
            )
        ]
    ).SerializeToString()


def genai_span(number: int) -> Span:
    question, answer = text(number, 300), text(number + 7, 600)
    return span(
        number,
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-4o-mini",
            "gen_ai.request.temperature": 0.2,
            "gen_ai.request.max_tokens": 256,
            "gen_ai.response.id": f"chatcmpl-{number}",
            "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
            "gen_ai.usage.input_tokens": 100,
            "gen_ai.usage.output_tokens": 150,
            "gen_ai.usage.cost": 0.000105,
            "gen_ai.conversation.id": f"conversation-{number}",
            "server.address": "api.openai.com",
            "server.port": 443,
            "gen_ai.input.messages": messages("user", question),
            "gen_ai.output.messages": messages("assistant", answer),
        },
    )


def http_span(number: int) -> Span:
    attributes: dict[str, str | int | float] = {f"app.attribute.{index}": f"value {index}" for index in range(13)}
    return span(number, attributes | {"http.request.method": "GET", "app.note": text(number, 1000)})


def span(number: int, attributes: dict[str, str | int | float]) -> Span:
    return Span(
        trace_id=os.urandom(16),
        span_id=os.urandom(8),
        name="chat gpt-4o-mini",
        start_time_unix_nano=1_700_000_000_000_000_000 + number,
        end_time_unix_nano=1_700_000_001_000_000_000 + number,
        attributes=[key_value(key, value) for key, value in attributes.items()],
    )


def key_value(key: str, value: str | float) -> KeyValue:
    field = {str: "string_value", int: "int_value", float: "double_value"}[type(value)]
    return KeyValue(key=key, value=AnyValue(**{field: value}))


def messages(role: str, content: str) -> str:
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": content}], "finish_reason": "stop"}])


def text(seed: int, length: int) -> str:
    words = PROSE.split()
    return " ".join(words[(seed * 31 + index * 7) % len(words)] for index in range(length))[:length]


@contextmanager
def service(evaluators: list[str] | None) -> Iterator[tuple[subprocess.Popen[str], tuple[str, str, str]]]:
    """Run the service on free ports, and yield it with its addresses (gRPC, HTTP, telemetry)."""
    settings = {
        "grpc_port": 0,
        "http_port": 0,
        "telemetry_port": 0,
        "queue": {"max_pending": 1_000_000},
        "evaluate": {"evaluators": evaluators, "drift": {"enabled": evaluators is None}},
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "service.yaml")
        path.write_text(json.dumps(settings))  # JSON is YAML
        command = [sys.executable, "-m", "otel_llm", "collector", "--config", path]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line.startswith("ready"):
                raise SystemExit(f"the service did not start: exit status {process.wait()}")
            words = line.replace(",", "").split()
            yield process, (words[2], words[4], words[6].removesuffix("/metrics"))
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate()


def drive(pid: int, at: tuple[str, str, str], sender: Any, body: bytes, requests: int) -> float:
    """Return the CPU seconds that the service spends on the requests, their evaluation included."""
    with sender(at) as send:
        send(request(1.0, spans=4))  # the first of everything is slower
        wait_evaluated(at[2])
        started = cpu_seconds(pid)
        for _ in range(requests):
            send(body)
        wait_evaluated(at[2])
        return cpu_seconds(pid) - started


@contextmanager
def grpc_sender(at: tuple[str, str, str]) -> Iterator[Callable[[bytes], Any]]:
    with grpc.insecure_channel(at[0]) as channel:
        yield channel.unary_unary(EXPORT)


@contextmanager
def http_sender(at: tuple[str, str, str]) -> Iterator[Callable[[bytes], Any]]:
    with httpx.Client(base_url=at[1], headers={"content-type": "application/x-protobuf"}) as client:
        yield lambda body: client.post("/v1/traces", content=body).raise_for_status()


def wait_evaluated(telemetry: str) -> None:
    while "otel_llm_evaluation_oldest_pending_seconds 0.0\n" not in httpx.get(f"{telemetry}/metrics").text:
        time.sleep(0.2)


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
