"""Sets up the OpenTelemetry SDK for an app that has not done so."""

from __future__ import annotations

import os

from opentelemetry.trace import ProxyTracerProvider, get_tracer_provider

from otel_llm.config.sdk_environment import default_exporters, default_protocols
from otel_llm.instrument.export_log import say_causes_once
from otel_llm.instrument.guard import guarded
from otel_llm.instrument.sdk_order import explain_refusals


@guarded("setting up the OpenTelemetry SDK")
def set_up_sdk() -> bool:
    """Return True after setting up the SDK from the environment, as `opentelemetry-instrument` would.

    False if one is set up already.
    """
    if not isinstance(get_tracer_provider(), ProxyTracerProvider):
        explain_refusals(by_us=False)
        return False
    # The SDK's own way from the environment to providers; OpenTelemetry's distributions subclass this class.
    from opentelemetry.sdk._configuration import _OTelSDKConfigurator  # noqa: PLC0415 - only where it is needed

    exporters = default_exporters()
    protocols = default_protocols()
    os.environ.update(protocols)  # the SDK reads the protocol of `otlp` there
    try:
        _OTelSDKConfigurator().configure(**exporters)  # type: ignore[no-untyped-call]
    finally:
        for name in protocols:
            del os.environ[name]
    say_causes_once()
    explain_refusals(by_us=True)
    return True
