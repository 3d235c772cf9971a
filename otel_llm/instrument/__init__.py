"""From an app's call of an LLM client to a span, metrics and events.

A client module (`clients/`) maps fields; `lifecycle/call.py` owns the life of one call, and `reading.py` beside it
that of one stream; `guard.py` keeps every failure of ours away from the app.

The package can be called: `otel_llm.instrument()` is `otel_llm.instrument.setup.instrument()`.
"""

from __future__ import annotations

import sys

from otel_llm.callable_package import CallablePackage

_FUNCTION = "otel_llm.instrument.setup:instrument"

sys.modules[__name__].__class__ = CallablePackage
