"""The entry point by which `opentelemetry-instrument` finds the instrumentation.

It is apart from the client's module because importing its base class takes longer than all the rest.
"""

from __future__ import annotations

from typing import Any

# The stubs of this package do not export it, though its documentation says to subclass it.
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined]

from otel_llm.instrument.clients.openai import CLIENT
from otel_llm.instrument.setup import instrument, uninstrument


class OpenAIInstrumentor(BaseInstrumentor):  # type: ignore[misc]
    """Instruments the `openai` client, and sets up the SDK where no distribution of OpenTelemetry did."""

    def instrumentation_dependencies(self) -> tuple[str, ...]:
        """Return the versions of the client that are known."""
        return (f"{CLIENT.name} >= {CLIENT.majors.start}, < {CLIENT.majors.stop}",)

    def _instrument(self, **options: Any) -> None:
        instrument(**options)

    def _uninstrument(self, **_: Any) -> None:
        uninstrument()
