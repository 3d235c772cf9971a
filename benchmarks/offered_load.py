"""A load that does not slow down when it is refused: requests at a given rate, each with ids of its own."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Final, Literal

import grpc
import httpx
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from otlp_load import EXPORT, request

Kind = Literal["accepted", "retryable", "other"]
Send = Callable[[bytes], tuple[Kind, str]]

TIMEOUT_S: Final = 30
LATE_S: Final = 0.5
"""A connection that is so far behind its schedule gives up what it did not send."""


class Requests:
    """Requests of so many spans of LLM calls: trace n, with the span ids from 1 on."""

    def __init__(self, spans: int) -> None:
        self.spans = spans
        self._template = request(1.0, spans)
        self._numbers = itertools.count(1)
        self._places = [
            (self._template.index(span.trace_id), self._template.index(span.span_id))
            for span in ExportTraceServiceRequest.FromString(self._template).resource_spans[0].scope_spans[0].spans
        ]

    def next(self) -> tuple[int, bytes]:
        """Return the number of a request, and the request."""
        number, body = next(self._numbers), bytearray(self._template)
        for span, (trace_at, span_at) in enumerate(self._places, 1):
            body[trace_at : trace_at + 16] = number.to_bytes(16)
            body[span_at : span_at + 8] = span.to_bytes(8)
        return number, bytes(body)


@dataclass
class Answers:
    """What was answered, and when the last refusal came."""

    counts: Counter[Kind] = field(default_factory=Counter)
    accepted: list[int] = field(default_factory=list)
    """The requests' numbers."""
    others: Counter[str] = field(default_factory=Counter)
    last_refusal: float | None = None
    """time.monotonic()"""

    def note(self, number: int, kind: Kind, why: str) -> None:
        self.counts[kind] += 1
        if kind == "accepted":
            self.accepted.append(number)
        else:
            self.last_refusal = time.monotonic()
        if kind == "other":
            self.others[why] += 1


class Load:
    """Some connections over gRPC, and as many over HTTP, each in a thread while it sends."""

    def __init__(self, grpc_at: str, http_at: str, connections: int, spans: int) -> None:
        self._stack = ExitStack()
        over_grpc = [self._stack.enter_context(grpc_connection(grpc_at)) for _ in range(connections)]
        over_http = [self._stack.enter_context(http_connection(http_at)) for _ in range(connections)]
        self._sends = [*over_grpc, *over_http]
        self._requests = Requests(spans)

    def close(self) -> None:
        self._stack.close()

    def offer(self, seconds: float, requests_a_second: float) -> Answers:
        """Offer at that rate, whatever is answered; what is refused is not sent again."""
        period_s = len(self._sends) / requests_a_second

        def paced(index: int) -> Iterator[None]:
            end = time.monotonic() + seconds
            due = time.monotonic() + period_s * index / len(self._sends)
            while due < end:
                time.sleep(max(0.0, due - time.monotonic()))
                yield
                due = max(due + period_s, time.monotonic() - LATE_S)

        return self._run([paced(index) for index in range(len(self._sends))])

    def fill(self) -> Answers:
        """Send as fast as it goes, until each connection was refused."""
        return self._run([itertools.repeat(None)] * len(self._sends), until_refused=True)

    def _run(self, schedules: Sequence[Iterable[None]], *, until_refused: bool = False) -> Answers:
        answers, lock = Answers(), threading.Lock()

        def work(send: Send, schedule: Iterable[None]) -> None:
            for _ in schedule:
                with lock:
                    number, body = self._requests.next()
                kind, why = send(body)
                with lock:
                    answers.note(number, kind, why)
                if until_refused and kind != "accepted":
                    return

        threads = [threading.Thread(target=work, args=each) for each in zip(self._sends, schedules, strict=True)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return answers


@contextmanager
def grpc_connection(at: str) -> Iterator[Send]:
    with grpc.insecure_channel(at, options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
        export = channel.unary_unary(EXPORT)

        def send(body: bytes) -> tuple[Kind, str]:
            try:
                answer = export(body, timeout=TIMEOUT_S)
            except grpc.RpcError as error:
                if error.code() is grpc.StatusCode.UNAVAILABLE and asks_for_another_try(error):
                    return "retryable", ""
                return "other", f"gRPC {error.code().name}: {error.details()}"
            return ("other", f"gRPC OK: {answer!r}") if answer else ("accepted", "")

        yield send


def asks_for_another_try(error: grpc.RpcError) -> bool:
    """Return whether a refusal has RetryInfo."""
    details = dict(error.trailing_metadata() or ()).get("grpc-status-details-bin", b"")
    return any(detail.Is(RetryInfo.DESCRIPTOR) for detail in Status.FromString(details).details)


@contextmanager
def http_connection(at: str) -> Iterator[Send]:
    with httpx.Client(headers={"content-type": "application/x-protobuf"}, timeout=TIMEOUT_S) as client:

        def send(body: bytes) -> tuple[Kind, str]:
            try:
                answer = client.post(f"{at}/v1/traces", content=body)
            except httpx.HTTPError as error:
                return "other", f"HTTP: {type(error).__name__}: {error}"
            if answer.status_code == 503 and "retry-after" in answer.headers:
                return "retryable", ""
            if answer.status_code == 200 and not answer.content:
                return "accepted", ""
            return "other", f"HTTP {answer.status_code}: {answer.content[:200]!r}"

        yield send
