"""OpenTelemetry for LLM applications: instrumentation, local evaluation, dashboards and alerts.

`instrument()` patches the LLM clients of this process, `uninstrument()` puts them back; `context()` sets what the
calls inside it carry. `evaluate()` scores answers with local models, `evaluate_iter()` a stream of them. All are
loaded when first used, so that `import otel_llm` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from otel_llm.evaluate.offline.evaluate import evaluate, evaluate_iter
    from otel_llm.instrument.scope.scope import context
    from otel_llm.instrument.setup import instrument, uninstrument
    from otel_llm.version import __version__

__all__ = ["__version__", "context", "evaluate", "evaluate_iter", "instrument", "uninstrument"]

_PLACES: Final = {
    "__version__": "otel_llm.version",
    "context": "otel_llm.instrument.scope.scope",
    "evaluate_iter": "otel_llm.evaluate.offline.evaluate",
    "uninstrument": "otel_llm.instrument.setup",
}


def __getattr__(name: str) -> Any:
    # the packages themselves, which can be called: docs/decisions/0004-*
    if name in {"evaluate", "instrument"}:
        return importlib.import_module(f"otel_llm.{name}")
    if name in _PLACES:
        return getattr(importlib.import_module(_PLACES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
