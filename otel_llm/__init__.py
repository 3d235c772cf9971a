"""OpenTelemetry for LLM applications: instrumentation, local evaluation, dashboards and alerts."""

from __future__ import annotations

__version__ = "0.1.0"
