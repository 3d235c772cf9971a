"""An evaluator that costs the others nothing, whatever it does: raise, hang, or return what it should not."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from otel_llm.config.evaluate import EvaluateSettings
from otel_llm.errors import CircuitOpenError
from otel_llm.evaluate.definition.evaluator import Evaluator
from otel_llm.evaluate.definition.result import Result
from otel_llm.evaluate.definition.verdict import checked, errors
from otel_llm.evaluate.run.breaker import Breaker
from otel_llm.evaluate.run.killable_thread import LateError, Worker, WorkError
from otel_llm.genai.call import Call

if TYPE_CHECKING:
    from otel_llm.evaluate.engine.encoder import Encoding

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

    A thread that hangs cannot be stopped. It is given up, and for as long as `max_hanging` of them live the
    evaluator is left out, so that there are never more.
    """

    def __init__(self, evaluator: Evaluator, settings: EvaluateSettings) -> None:
        self.evaluator = evaluator
        self.name = evaluator.manifest.name
        self._timeout_s = settings.timeout_s
        self._max_hanging = settings.max_hanging
        self._worker = Worker(f"evaluate-{self.name}")
        self._breaker = Breaker(self.name, max_failures=settings.max_failures, cool_down_s=settings.cool_down_s)

    @property
    def open(self) -> bool:
        """Whether calls are left out at present."""
        return self._hangs or self._breaker.state == "open"

    def read(self, call: Call) -> Reading:
        """Return the texts whose encodings the evaluator needs.

        A failure counts when its results are asked for, so that what is "in a row" does not depend on how many
        calls are read before the first is evaluated.

        Raises:
            CancelledError: closed, now or meanwhile.
        """
        if self._hangs or not self._breaker.admits():
            return Reading(call, error=self._left_out())
        try:
            return Reading(call, self._run(call, lambda: _texts(self.evaluator.texts(call))))
        except WorkError as failed:
            return Reading(call, error=failed.error)

    def results(self, reading: Reading, encodings: Mapping[str, Encoding]) -> list[Result]:
        """Return the evaluator's results, or results of label error; a call that was read is evaluated.

        Raises:
            CancelledError: closed, now or meanwhile.
        """
        call, error, manifest = reading.call, reading.error, self.evaluator.manifest
        if error is None and self._hangs:  # since the texts were read
            error = self._left_out()
        if error is None:
            try:
                results = self._run(
                    call, lambda: checked(self.evaluator.evaluate(call, encodings), manifest, call)
                )
            except WorkError as failed:
                error = failed.error
            else:
                self._breaker.succeeded()
                return results
        if not isinstance(error, CircuitOpenError):
            self._breaker.failed(error)
        return errors(manifest, call, error)

    def give_up(self) -> None:
        """Let whoever waits for a result wait no longer."""
        self._worker.cancel()

    def close(self) -> None:
        """Give up, let its thread end, and take no more calls."""
        self._worker.close()

    @property
    def _hangs(self) -> bool:
        return self._worker.hanging >= self._max_hanging

    def _run(self, call: Call, work: Callable[[], _T]) -> _T:
        try:
            return self._worker.run(work, self._timeout_s)
        except LateError:
            _log.error(
                "%s gave up on span %s of trace %s after %g s: that goes on in a thread, %d of at most %d",
                self.name,
                call.span_id,
                call.trace_id,
                self._timeout_s,
                self._worker.hanging,
                self._max_hanging,
            )
            raise
        except WorkError as failed:
            _log.error(
                "%s failed on span %s of trace %s", self.name, call.span_id, call.trace_id, exc_info=failed.error
            )
            raise

    def _left_out(self) -> CircuitOpenError:
        return CircuitOpenError(f"{self.name} failed too often, or hangs: it is left out for now")


def _texts(texts: Iterable[str]) -> tuple[str, ...]:
    read = tuple(texts)
    if isinstance(texts, str) or not all(isinstance(text, str) for text in read):
        raise TypeError(f"texts must return texts, got {texts!r:.200}")
    return read
