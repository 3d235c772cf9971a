"""An evaluator that costs the others nothing, whatever it does: raise, hang, or return what it should not."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from otel_llm.config.evaluate import EvaluateSettings
from otel_llm.errors import CircuitOpenError
from otel_llm.evaluate.breaker import Breaker
from otel_llm.evaluate.encoder import Encoding
from otel_llm.evaluate.evaluator import Evaluator
from otel_llm.evaluate.result import Result
from otel_llm.evaluate.verdict import errors
from otel_llm.evaluate.worker import Worker, WorkError
from otel_llm.receive.call import Call

_log: Final = logging.getLogger(__name__)
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Reading:
    """What an evaluator wants to read of one call, or why it is not asked."""

    call: Call
    texts: tuple[str, ...] = ()
    error: BaseException | None = None


class Guarded:
    """Runs an evaluator on a thread of its own, behind a timeout and a circuit breaker. Used by one thread.

    A thread that hangs cannot be stopped. It is given up, and for as long as it lives the circuit is open, so that
    there is never more than one.
    """

    def __init__(self, evaluator: Evaluator, settings: EvaluateSettings) -> None:
        self.evaluator = evaluator
        self.name = evaluator.manifest.name
        self._timeout_s = settings.timeout_s
        self._worker = Worker(f"evaluate-{self.name}")
        self._breaker = Breaker(self.name, max_failures=settings.max_failures, cool_down_s=settings.cool_down_s)

    @property
    def open(self) -> bool:
        """Whether calls are left out at present."""
        return self._worker.stuck or self._breaker.state == "open"

    def read(self, call: Call) -> Reading:
        """Return the texts whose encodings the evaluator needs."""
        if self._worker.stuck or not self._breaker.admits():
            return Reading(call, error=self._left_out())
        try:
            return Reading(call, self._run(call, lambda: _texts(self.evaluator.texts(call))))
        except WorkError as failed:
            return Reading(call, error=failed.error)

    def results(self, reading: Reading, encodings: Mapping[str, Encoding]) -> list[Result]:
        """Return the evaluator's results, or results of label error."""
        call, error = reading.call, reading.error
        if error is None and self.open:  # since the texts were read
            error = self._left_out()
        if error is None:
            try:
                results = self._run(call, lambda: self._checked(self.evaluator.evaluate(call, encodings)))
            except WorkError as failed:
                error = failed.error
            else:
                self._breaker.succeeded()
                return results
        return errors(self.evaluator.manifest, call, error)

    def close(self) -> None:
        """Let its thread end."""
        self._worker.close()

    def _run(self, call: Call, work: Callable[[], _T]) -> _T:
        try:
            return self._worker.run(work, self._timeout_s)
        except WorkError as failed:
            if self._worker.stuck:
                _log.error(
                    "%s gave up on span %s of trace %s after %g s: it is left out until that has ended",
                    self.name,
                    call.span_id,
                    call.trace_id,
                    self._timeout_s,
                )
            else:
                _log.error(
                    "%s failed on span %s of trace %s",
                    self.name,
                    call.span_id,
                    call.trace_id,
                    exc_info=failed.error,
                )
            self._breaker.failed(failed.error)
            raise

    def _checked(self, results: object) -> list[Result]:
        targets = list(self.evaluator.manifest.targets)
        if isinstance(results, list) and [getattr(result, "target", None) for result in results] == targets:
            return results
        raise TypeError(
            f"{self.name}: evaluate must return one Result for each of {targets}, got {results!r:.200}"
        )

    def _left_out(self) -> CircuitOpenError:
        return CircuitOpenError(f"{self.name} failed too often, or hangs: it is left out for now")


def _texts(texts: Iterable[str]) -> tuple[str, ...]:
    read = tuple(texts)
    if isinstance(texts, str) or not all(isinstance(text, str) for text in read):
        raise TypeError(f"texts must return texts, got {texts!r:.200}")
    return read
