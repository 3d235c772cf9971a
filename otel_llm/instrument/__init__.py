"""From an app's call of an LLM client to a span, metrics and events.

A client module (`clients/`) maps fields; `lifecycle/call.py` owns the life of one call, and `reading.py` beside it
that of one stream; `guard.py` keeps every failure of ours away from the app.

The package can be called: `otel_llm.instrument()` is `otel_llm.instrument.setup.instrument()`.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from otel_llm.config.instrument_values import ContentCapture


class _CallablePackage(ModuleType):
    """The class of this package: an import binds the name `instrument` to the package, so it must be callable."""

    def __call__(self, *, capture_content: bool | str | ContentCapture | None = None, **options: Any) -> None:
        """Instrument this process; see `otel_llm.instrument.setup.instrument`."""
        from otel_llm.instrument.setup import instrument  # noqa: PLC0415 - loaded when first used

        instrument(capture_content=capture_content, **options)


sys.modules[__name__].__class__ = _CallablePackage
