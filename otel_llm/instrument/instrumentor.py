"""The entry point by which `opentelemetry-instrument` finds the instrumentation.

It is a module of its own because importing its base class takes longer than all the rest.
"""

from __future__ import annotations

from typing import Any

# The stubs of this package do not export it, though its documentation says to subclass it.
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined]

from otel_llm.instrument.setup import instrument, uninstrument


class LlmInstrumentor(BaseInstrumentor):  # type: ignore[misc]
    """Instruments every client that is known, and sets up the SDK where no distribution of OpenTelemetry did."""

    def instrumentation_dependencies(self) -> tuple[str, ...]:
        """Return nothing: each client is instrumented once it is imported, if its version is known."""
        return ()

    def _instrument(self, **options: Any) -> None:
        instrument(**options)

    def _uninstrument(self, **_: Any) -> None:
        uninstrument()
