"""The entry point by which `opentelemetry-instrument` finds the instrumentation.

A module of its own, because the import of its base class takes longer than all the rest of the package.
"""

from __future__ import annotations

import sys
from typing import Any

# The package's stubs do not export this class, though its documentation says to subclass the class.
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined]

from otel_llm.instrument.setup import instrument, shut_down_sdk_at_exit, uninstrument

_LAUNCHER = "opentelemetry.instrumentation.auto_instrumentation"
"""The module that starts the instrumentation of a whole process; it sets up the SDK just before."""


class LlmInstrumentor(BaseInstrumentor):  # type: ignore[misc]
    """Instruments every known client, and sets up the SDK where no distribution of OpenTelemetry has done so."""

    def instrumentation_dependencies(self) -> tuple[str, ...]:
        """Return no dependencies: each client is instrumented when it is imported, if its version is known."""
        return ()

    def _instrument(self, **options: Any) -> None:
        instrument(**options)
        if _LAUNCHER in sys.modules:
            shut_down_sdk_at_exit()

    def _uninstrument(self, **_: Any) -> None:
        uninstrument()
