"""GenAI calls in, results out: the batcher, the ONNX runtime, the evaluators, drift.

The package can be called: `otel_llm.evaluate()` is `otel_llm.evaluate.offline.evaluate.evaluate()`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from otel_llm.evaluate.offline.records import Record, RecordResult

# ONNX Runtime's official builds report their use to their maker unless this says no; they read it when loaded
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


class _CallablePackage(ModuleType):
    """This package's class, for the same reason as that of `otel_llm.instrument`: docs/decisions/0004-*."""

    def __call__(
        self,
        records: Iterable[Record | Mapping[str, Any]],
        evaluators: Iterable[str] | None = None,
        *,
        threads: int = 1,
        timeout_s: float = 60.0,
    ) -> list[RecordResult]:
        """Evaluate records; see `otel_llm.evaluate.offline.evaluate.evaluate`."""
        from otel_llm.evaluate.offline.evaluate import evaluate  # noqa: PLC0415 - loaded when first used

        return evaluate(records, evaluators, threads=threads, timeout_s=timeout_s)


sys.modules[__name__].__class__ = _CallablePackage
