"""Calls a real client in a form and a behaviour, once each, and keeps the span and the objects it gave."""

import asyncio
import contextlib
import gc
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from form import Form
from form_reading import Leaving, settled
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from subject import Subject

import otel_llm
from otel_llm.instrument import guard
from otel_llm.instrument.setup import flush

PRICES = Path(__file__).parents[1] / "prices.toml"


@dataclass(frozen=True)
class Run:
    """What one call gave."""

    kinds: list[type]
    """Of the objects that the app was given."""
    error: Exception | None
    """What it raised."""
    span: Any
    """The one span that it exported; None where the client is not instrumented."""


class Lab:
    """The clients of one library, their server, and what was seen so far."""

    def __init__(self, subject: Subject, url: str, runner: asyncio.Runner) -> None:
        self.subject = subject
        self._url = url
        self._runner = runner
        self._exporter = InMemorySpanExporter()
        self._provider = TracerProvider()
        self._provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self._clients: dict[tuple[str, str], Any] = {}
        self._runs: dict[tuple[str, str, str], Run] = {}
        self._captures: bool | None = None
        """Whether content is; None: nothing is instrumented."""

    def run(self, form: Form, way: str, behaviour: str) -> Run:
        """Return what a call gave.

        Behaviours: "uninstrumented", "recorded" (its content is), "retried", "refused", and of a stream "closed"
        and "dropped".
        """
        key = (form.label, way, behaviour)
        if key not in self._runs:
            self._runs[key] = self._call(form, way, behaviour)
        return self._runs[key]

    def close(self) -> None:
        otel_llm.uninstrument()
        guard.raise_failures(False)
        guard._reported.clear()
        for client in self._clients.values():
            self._runner.run(_close(client))
        self._provider.shutdown()

    def _call(self, form: Form, way: str, behaviour: str) -> Run:
        self._prepare(None if behaviour == "uninstrumented" else behaviour not in ("retried", "refused"))
        question = self.subject.question(form, way, behaviour)
        leaving = Leaving(form.left_after, behaviour == "closed") if behaviour in ("closed", "dropped") else None
        client = self._client(form.server or self.subject.provider, way)
        if behaviour == "retried":
            client = client.with_options(max_retries=1)
        self._exporter.clear()
        kinds, error = self._runner.run(self._use(form, client, question, leaving))
        return Run(kinds, error, None if behaviour == "uninstrumented" else self._span())

    def _span(self) -> ReadableSpan:
        deadline = time.monotonic() + 10
        while not self._spans() and time.monotonic() < deadline:
            # what was dropped may be in a cycle, and asynchronous generators are closed by their event loop
            gc.collect()
            self._runner.run(asyncio.sleep(0.001))
        (span,) = self._spans()
        return span

    def _spans(self) -> tuple[ReadableSpan, ...]:
        assert flush(10)
        return self._exporter.get_finished_spans()

    def _prepare(self, captures: bool | None) -> None:
        if captures is None:
            otel_llm.uninstrument()
        elif captures != self._captures:
            otel_llm.instrument(
                capture_content=captures,
                prices=PRICES,
                providers={"localhost": "vllm"},
                debug_raise=True,
                sdk=False,
                tracer_provider=self._provider,
            )
        self._captures = captures

    def _client(self, server: str, way: str) -> Any:
        if (server, way) not in self._clients:
            self._clients[server, way] = self.subject.make(server, way, self._url)
        return self._clients[server, way]

    async def _use(
        self, form: Form, client: Any, question: str, leaving: Leaving | None
    ) -> tuple[list[type], Exception | None]:
        try:
            return await form.read(form.ask(client, question), leaving), None
        except self.subject.error as error:
            return [], error.with_traceback(None)  # whose frames would hold the call


async def _close(client: Any) -> None:
    await settled(client.close())


@contextlib.contextmanager
def open_lab(subject: Subject) -> Iterator[Lab]:
    with subject.serve() as url, asyncio.Runner() as runner:
        lab = Lab(subject, url, runner)
        try:
            yield lab
        finally:
            lab.close()
