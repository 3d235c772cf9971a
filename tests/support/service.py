"""The evaluation service inside the test's process, in a thread, with a pipeline of the test's own."""

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from otel_llm.config.service import ServiceSettings
from otel_llm.evaluate.definition.result import DriftState, Result
from otel_llm.evaluate.run.pipeline import Evaluation
from otel_llm.genai.call import Call
from otel_llm.service.assembly import running
from otel_llm.service.running import Service


@dataclass
class LengthPipeline:
    """Scores a text by its length: a real verdict without a model. `gate` holds evaluation up until it is set."""

    gate: threading.Event = field(default_factory=threading.Event)
    waiting: threading.Event = field(default_factory=threading.Event)
    """Set once a batch has come to the gate."""
    fault: Exception | None = None
    """Raised by the next evaluation."""
    seen: list[Call] = field(default_factory=list)
    closed_after: int | None = None
    """How many calls had been evaluated when the pipeline was closed."""

    def __post_init__(self) -> None:
        self.gate.set()

    @property
    def evaluators(self) -> dict[str, str]:
        return {"length": "1"}

    def states(self) -> list[dict[str, str]]:
        return [{"name": "length", "version": "1", "state": "runs"}]

    def evaluate(self, calls: Sequence[Call], selected: Sequence[frozenset[str]] | None = None) -> Evaluation:
        self.waiting.set()
        assert self.gate.wait(30)
        if self.fault:
            fault, self.fault = self.fault, None
            raise fault
        self.seen += calls
        chosen = selected or [frozenset(self.evaluators)] * len(calls)
        results = [self._result(call) for call, names in zip(calls, chosen, strict=True) if "length" in names]
        return Evaluation(results, {"length": 0.002})

    def failed(
        self, calls: Sequence[Call], error: Exception, selected: Sequence[frozenset[str]] | None = None
    ) -> Evaluation:
        verdict = {"label": "error", "score": None, "explanation": None, "error_type": type(error).__name__}
        return Evaluation([replace(self._result(call), **verdict) for call in calls], {})

    def drift_states(self) -> list[DriftState]:
        return [
            DriftState(
                service=service,
                detector="length",
                target="input",
                baseline="first-10",
                count=5,
                window=5,
                statistic=0.75,
                threshold=0.5,
            )
            for service in sorted({call.service for call in self.seen})
        ]

    def close(self) -> None:
        self.closed_after = len(self.seen)

    def _result(self, call: Call) -> Result:
        if not call.output_text:
            return Result(call=call, evaluator="length", version="1", target="output", label="not_applicable")
        score = min(1.0, len(call.output_text) / 100)
        return Result(
            call=call,
            evaluator="length",
            version="1",
            target="output",
            label="fail" if score >= 0.5 else "pass",
            score=score,
            explanation=f"{len(call.output_text)} characters",
        )


@contextmanager
def service(pipeline: Any, **settings: Any) -> Iterator[Service]:
    """Run the service on free ports; leaving the context drains it."""
    ports = {"grpc_port": 0, "http_port": 0, "telemetry_port": 0}
    with _Loop() as loop:
        context = running(ServiceSettings(**(ports | settings)), lambda _: pipeline)
        addresses = loop.run(context.__aenter__)
        try:
            yield addresses
        finally:
            loop.run(lambda: context.__aexit__(None, None, None))


class _Loop:
    """An event loop in a thread."""

    def __enter__(self) -> "_Loop":
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        return self

    def run(self, function: Callable[[], Any]) -> Any:
        async def call() -> Any:
            return await function()

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result(60)

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
