"""The OTLP receivers inside the test's process, in a thread, with a sink of the test's own behind them."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

from otel_llm.config.receive import ReceiverSettings
from otel_llm.errors import QueueFullError
from otel_llm.otlp.queued import QueuedRequest
from otel_llm.otlp.signals import SIGNALS
from otel_llm.ports import bind
from otel_llm.receive.grpc.receiver import GrpcReceiver
from otel_llm.receive.http.asgi import AsgiServer
from otel_llm.receive.http.receiver import HttpReceiver
from otel_llm.receive.intake import Intake

PROTOBUF = {"content-type": "application/x-protobuf"}
JSON = {"content-type": "application/json"}


@dataclass
class MemorySink:
    """Keeps what it is given."""

    checks_ids: bool = True
    forwards: bool = True
    no_room: str | None = None
    """Why nothing is admitted."""
    full: bool = False
    """Whether `put` has no room."""
    fault: Exception | None = None
    """Raised by the next `put`."""
    asked: list[tuple[str, str, int]] = field(default_factory=list)
    requests: list[QueuedRequest] = field(default_factory=list)
    waiting: int = 0
    """Requests at the gate."""
    held_up: bool = False
    """Whether `put` waits at the gate until `release`."""
    _gate: asyncio.Event = field(default_factory=asyncio.Event)
    _loop: asyncio.AbstractEventLoop | None = None

    def admits(self, signal: str, tenant: str, length: int) -> str | None:
        self.asked.append((signal, tenant, length))
        return self.no_room

    async def put(self, request: QueuedRequest) -> None:
        if self.fault:
            fault, self.fault = self.fault, None
            raise fault
        if self.full:
            raise QueueFullError("the queue holds 10 of 10 bytes")
        if self.held_up:
            self._loop = asyncio.get_running_loop()
            self.waiting += 1
            try:
                await self._gate.wait()
            finally:
                self.waiting -= 1
        self.requests.append(request)

    def release(self) -> None:
        """Let pass what waits, and what comes."""
        self.held_up = False
        if self._loop:
            self._loop.call_soon_threadsafe(self._gate.set)

    def exports(self) -> list[Any]:
        """What came, parsed by opentelemetry-proto's own classes."""
        return [SIGNALS[each.signal].request.FromString(each.body) for each in self.requests]

    def spans(self) -> list[Any]:
        return [
            span
            for export in self.exports()
            for resource in getattr(export, "resource_spans", ())
            for scope in resource.scope_spans
            for span in scope.spans
        ]


@dataclass
class Tally:
    """The counts of spans, log records and data points."""

    counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def received(self, transport: str, signal: str, *, accepted: int = 0, refused: int = 0) -> None:
        self.counts[transport, signal, "accepted"] += accepted
        self.counts[transport, signal, "refused"] += refused

    def __getitem__(self, key: tuple[str, str, str]) -> int:
        return self.counts[key]


@dataclass(kw_only=True)
class Receivers:
    grpc: str
    http: str
    sink: MemorySink
    tally: Tally
    intake: Intake


@contextmanager
def receivers(sink: MemorySink | None = None, **settings: Any) -> Iterator[Receivers]:
    """Run both receivers on free ports."""
    with loop_in_thread() as run:
        context = _running(sink or MemorySink(), ReceiverSettings(**settings))
        running = run(context.__aenter__())
        try:
            yield running
        finally:
            run(context.__aexit__(None, None, None))


@asynccontextmanager
async def _running(sink: MemorySink, settings: ReceiverSettings) -> Any:
    async with AsyncExitStack() as stack:
        grpc_socket, http_socket = (bind("127.0.0.1", 0, "", reuse_port=settings.reuse_port) for _ in range(2))
        stack.callback(grpc_socket.close)
        stack.callback(http_socket.close)
        tally = Tally()
        intake = Intake(sink, tally, settings)
        grpc = GrpcReceiver(intake, grpc_socket, settings)
        stack.push_async_callback(grpc.stop, 1)
        await grpc.start()
        http = AsgiServer(HttpReceiver(intake, settings), http_socket, timeout_s=1, tls=settings.tls)
        stack.push_async_callback(http.stop)
        await http.start()
        scheme = "https" if settings.tls.cert_file else "http"
        yield Receivers(
            grpc=f"127.0.0.1:{grpc.port}",
            http=f"{scheme}://127.0.0.1:{http_socket.getsockname()[1]}",
            sink=sink,
            tally=tally,
            intake=intake,
        )


@contextmanager
def loop_in_thread() -> Iterator[Callable[[Any], Any]]:
    """Run an event loop in a thread; yield what runs a coroutine on it and returns its result."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield lambda coroutine: asyncio.run_coroutine_threadsafe(coroutine, loop).result(60)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def wait_until(condition: Callable[[], Any], timeout_s: float = 40) -> None:
    """Return once the condition holds; fail the test when it never does."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.005)
