"""Loaded evaluators, as `otel_llm.evaluate` and `otel-llm evaluate` use them."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import CancelledError
from importlib import import_module
from typing import TYPE_CHECKING, Final

from otel_llm.errors import ConfigError
from otel_llm.evaluate.offline.records import Record, RecordId, RecordResult, call_of
from otel_llm.extras import needs
from otel_llm.text.well_formed import well_formed

if TYPE_CHECKING:
    from otel_llm.evaluate.definition.manifest import EvaluatorManifest
    from otel_llm.evaluate.definition.result import Result
    from otel_llm.evaluate.run.pipeline import Pipeline
    from otel_llm.genai.call import Call

TIMEOUT_S: Final = 60.0
"""Seconds that an evaluator may take for one record: more than in the service, where other calls wait."""

_MAX_HANGING: Final = 16
"""Threads of one evaluator that may hang, before other records get errors, too."""

_log: Final = logging.getLogger(__name__)


class LoadedEvaluators:
    """A pipeline that any thread may use.

    A lock lets one batch in at a time; other threads wait. Any thread may call `close`, for ever: the batch under
    way raises CancelledError.
    """

    def __init__(self, pipeline: Pipeline, manifests: Mapping[str, EvaluatorManifest]) -> None:
        self._pipeline = pipeline
        self._one_at_a_time = threading.Lock()
        self.manifests = manifests
        """Manifests of the running evaluators, by name."""

    def evaluate(self, records: Sequence[Record]) -> list[RecordResult]:
        """Return each record's results, in order; every record has an id, from `read_record`."""
        calls = [call_of(record) for record in records]
        ids = {call.trace_id: record.id for call, record in zip(calls, records, strict=True)}
        with self._one_at_a_time:
            results = self._results(calls)
        return [_record_result(ids[result.call.trace_id], result) for result in results]

    def close(self) -> None:
        """Give up the batch under way."""
        self._pipeline.close()

    def _results(self, calls: Sequence[Call]) -> list[Result]:
        """Return the results; after a failure of the whole batch, each call is evaluated alone."""
        try:
            return self._pipeline.evaluate(calls).results
        except CancelledError:  # `close` was called meanwhile
            raise
        except Exception as error:  # any exception becomes the results of its call
            if len(calls) > 1:
                return [result for call in calls for result in self._results([call])]
            _log.exception("a record could not be evaluated")
            return self._pipeline.failed(calls, error).results


def load(names: Sequence[str] | None, *, threads: int, timeout_s: float = TIMEOUT_S) -> LoadedEvaluators:
    """Return the evaluators with these names, loaded; for None, all installed ones.

    A record's results depend on the record alone: no evaluator is left out after earlier failures.

    Raises:
        MissingExtraError: the extra `collector` is not installed.
        ConfigError: an evaluator is not installed, or `threads` or `timeout_s` is too small.
        ModelError: an evaluator is not as its manifest says.
    """
    if threads < 1:
        raise ConfigError(f"threads: must be at least 1, got {threads}")
    if not 0 < timeout_s <= threading.TIMEOUT_MAX:
        raise ConfigError(f"timeout_s: must be a number of seconds above 0, got {timeout_s}")
    with needs("evaluation", "collector"):
        from otel_llm.config.evaluate import DriftSettings, EvaluateSettings  # noqa: PLC0415 - only with the extra
        from otel_llm.evaluate.definition.installed import evaluator_manifests  # noqa: PLC0415
        from otel_llm.evaluate.run.pipeline import Pipeline  # noqa: PLC0415
    settings = EvaluateSettings(
        evaluators=None if names is None else tuple(dict.fromkeys(names)),
        threads=threads,
        timeout_s=timeout_s,
        max_failures=sys.maxsize,
        cool_down_s=0,
        max_hanging=_MAX_HANGING,
        drift=DriftSettings(enabled=False),
    )
    with needs("evaluation", "collector"):  # ONNX Runtime and others are imported with the first model
        # of the extra; without the extra there are no evaluators, but that error would not name the remedy
        import_module("numpy")
        pipeline = Pipeline.load(settings)
    wanted = pipeline.evaluators
    return LoadedEvaluators(
        pipeline, {manifest.name: manifest for manifest in evaluator_manifests() if manifest.name in wanted}
    )


def _record_result(record_id: RecordId | None, result: Result) -> RecordResult:
    if record_id is None:
        raise ValueError("a record must have been read before it is evaluated: it has no id")
    explanation = result.error_type if result.label == "error" else result.explanation
    return RecordResult(
        id=record_id,
        evaluator=result.evaluator,
        target=result.target,
        score=result.score,
        label=result.label,
        # an evaluator that quotes may cut a surrogate pair, and half of one cannot be written
        explanation=None if explanation is None else well_formed(explanation),
    )
