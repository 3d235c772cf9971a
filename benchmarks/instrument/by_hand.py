"""The floor: what an application writes that instruments the call itself, with the SDK's own means."""

from __future__ import annotations

from typing import Any

from opentelemetry.trace import SpanKind
from telemetry import meter_provider, tracer_provider
from traffic import ANSWERED_BY, CACHED, INPUT, MODEL, OUTPUT, REASONING

from otel_llm import names

LABELS = {
    names.OPERATION: "chat", names.PROVIDER: "openai", names.REQUEST_MODEL: MODEL,
    names.RESPONSE_MODEL: ANSWERED_BY, names.SERVER_ADDRESS: "api.openai.com", names.SERVER_PORT: 443,
}  # fmt: skip
REST = {
    names.REQUEST_TEMPERATURE: 0.5, names.REQUEST_MAX_TOKENS: 300, names.RESPONSE_ID: "chatcmpl-1",
    names.RESPONSE_FINISH_REASONS: ["stop"], names.USAGE_INPUT_TOKENS: INPUT, names.USAGE_OUTPUT_TOKENS: OUTPUT,
    names.USAGE_CACHE_READ_INPUT_TOKENS: CACHED, names.USAGE_REASONING_OUTPUT_TOKENS: REASONING,
    names.USAGE_COST: 1e-4,
}  # fmt: skip

tracer = tracer_provider.get_tracer("by hand")
meter = meter_provider.get_meter("by hand")
histograms = [meter.create_histogram(f"by_hand.{name}") for name in ("duration", "input", "output")]


class ByHand:
    """One span with 15 attributes around a call, and three histogram records with six."""

    __slots__ = ("_current", "_span")

    def __enter__(self) -> None:
        self._current = tracer.start_as_current_span(f"chat {MODEL}", kind=SpanKind.CLIENT, attributes=LABELS)
        self._span = self._current.__enter__()

    def __exit__(self, *error: Any) -> None:
        self._span.set_attributes(REST)
        for histogram in histograms:
            histogram.record(1.5, LABELS)
        self._current.__exit__(*error)
