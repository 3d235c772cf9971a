"""Our metrics in a forked process: they start at zero.

The SDK gives a forked process an instance of its own (`service.instance.id`), but leaves it the parent's sums.
Each child would export these too, and they would be added up.
"""

from __future__ import annotations

import threading
from typing import Any, Final

from otel_llm.instrument.guard import guarded

_METER_PROVIDER: Final = ("opentelemetry.sdk.metrics._internal", "MeterProvider")


@guarded("starting the metrics of a forked process")
def start_at_zero(provider: Any, scope: str) -> None:
    """Drop the values of a scope's instruments, and the locks that a thread of the parent may have held.

    Nothing is done for a provider that is not the SDK's.
    """
    if (type(provider).__module__, type(provider).__qualname__) != _METER_PROVIDER:
        return
    consumer = provider._measurement_consumer
    consumer._lock = threading.Lock()
    for reader, storage in consumer._reader_storages.items():
        storage._lock = threading.RLock()
        if hasattr(reader, "_export_lock"):
            reader._export_lock = threading.Lock()
        matches = storage._instrument_view_instrument_matches
        for instrument in [each for each in matches if each.instrumentation_scope.name == scope]:
            del matches[instrument]
