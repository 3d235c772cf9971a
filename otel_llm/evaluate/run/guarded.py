"""An evaluator behind a guard: if it raises, hangs or returns something wrong, other evaluators are not harmed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from otel_llm.config.evaluate import EvaluateSettings
from otel_llm.errors import CircuitOpenError
from otel_llm.evaluate.definition.evaluator import Evaluator
from otel_llm.evaluate.definition.result import Result
from otel_llm.evaluate.definition.scoring import checked_results, error_results
from otel_llm.evaluate.run.breaker import Breaker
from otel_llm.evaluate.run.disposable_thread import DisposableThread, LateError, WorkError
from otel_llm.genai.call import Call

if TYPE_CHECKING:
    from otel_llm.evaluate.definition.encoding import Encoding

_log: Final = logging.getLogger(__name__)
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class PreparedCall:
    """A call before its evaluation: the texts that the evaluator needs encoded, or an error."""

    call: Call
    texts: tuple[str, ...] = ()
    error: BaseException | None = None
    """Exception that `texts` raised, or CircuitOpenError; None means that the call can be evaluated."""


class Guarded:
    """Runs an evaluator on a thread of its own, behind a timeout and a circuit breaker.

    States: it runs; it is left out by the breaker, after `max_failures` failures in a row, and tried again every
    `cool_down_s`; it is left out as long as `max_hanging` late threads live, so that there are never more. A call
    that comes while it is left out gets results of label error at once.

    `prepare` and `results` are called by one thread at a time: for a batch first `prepare` for every call, then
    `results` for every call. Any thread may call `give_up` and `close`.
    """

    def __init__(self, evaluator: Evaluator, settings: EvaluateSettings) -> None:
        self.evaluator = evaluator
        self.name = evaluator.manifest.name
        self._timeout_s = settings.timeout_s
        self._max_hanging = settings.max_hanging
        self._thread = DisposableThread(f"evaluate-{self.name}")
        self._breaker = Breaker(self.name, max_failures=settings.max_failures, cool_down_s=settings.cool_down_s)

    @property
    def open(self) -> bool:
        """True if the evaluator is left out now."""
        return self._hangs or self._breaker.state == "open"

    def prepare(self, call: Call) -> PreparedCall:
        """Return the call with the texts whose encodings the evaluator needs.

        The breaker counts a failure only in `results`. So the number of failures in a row does not depend on how
        many calls are prepared before the first one is evaluated.

        Raises:
            CancelledError: the guard was closed before, or `give_up` or `close` was called meanwhile.
        """
        if self._hangs or not self._breaker.admits():
            return PreparedCall(call, error=self._left_out())
        try:
            return PreparedCall(call, self._run(call, lambda: _texts(self.evaluator.texts(call))))
        except WorkError as failed:
            return PreparedCall(call, error=failed.error)

    def results(self, prepared: PreparedCall, encodings: Mapping[str, Encoding]) -> list[Result]:
        """Return the evaluator's results, or results of label error.

        Raises:
            CancelledError: the guard was closed before, or `give_up` or `close` was called meanwhile.
        """
        call, error, manifest = prepared.call, prepared.error, self.evaluator.manifest
        if error is None and self._hangs:  # since the call was prepared
            error = self._left_out()
        if error is None:
            try:
                results = self._run(
                    call, lambda: checked_results(self.evaluator.evaluate(call, encodings), manifest, call)
                )
            except WorkError as failed:
                error = failed.error
            else:
                self._breaker.succeeded()
                return results
        if not isinstance(error, CircuitOpenError):
            self._breaker.failed(error)
        return error_results(manifest, call, error)

    def give_up(self) -> None:
        """End the waiting for the current call: its caller gets CancelledError."""
        self._thread.cancel()

    def close(self) -> None:
        """Give up the current call, let the thread end, and take no more calls."""
        self._thread.close()

    @property
    def _hangs(self) -> bool:
        return self._thread.hanging >= self._max_hanging

    def _run(self, call: Call, work: Callable[[], _T]) -> _T:
        try:
            return self._thread.run(work, self._timeout_s)
        except LateError:
            _log.error(
                "%s gave up on span %s of trace %s after %g s: that goes on in a thread, %d of at most %d",
                self.name,
                call.span_id,
                call.trace_id,
                self._timeout_s,
                self._thread.hanging,
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
