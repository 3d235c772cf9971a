"""The metrics in which another instrumentation counts its calls: we leave these out for a call on its span."""

from __future__ import annotations

from typing import Any, Final

from opentelemetry.metrics import MeterProvider, get_meter_provider

from otel_llm import names
from otel_llm.instrument.lifecycle.telemetry import SCOPE as OUR_SCOPE

# opentelemetry-instrumentation-openai-v2 2.4b0: it makes the instrument, and records no tokens of a stream
_NOT_OF_STREAMS: Final = {"opentelemetry.instrumentation.openai_v2": {names.TOKEN_USAGE.name}}


def metrics_of(scope: str, provider: MeterProvider | None, *, streamed: bool) -> frozenset[str]:
    """Return the names of the instruments that a scope, or "" for any but ours, has made at a provider.

    None means the process's provider. The API does not tell this: if a provider of another make, or a later SDK,
    shows no instruments, both count the call.
    """
    made: Any = provider or get_meter_provider()
    made = getattr(made, "provider", made)  # Logfire's provider wraps the SDK's
    with_scopes = getattr(made, "_meters", None)
    found: set[str] = set()
    for key, meter in tuple(with_scopes.items()) if isinstance(with_scopes, dict) else ():
        if key.name == scope or (not scope and key.name != OUR_SCOPE):
            found.update(instrument.name for instrument in tuple(meter._instrument_id_instrument.values()))
    return frozenset(found - _NOT_OF_STREAMS.get(scope, set()) if streamed else found)
