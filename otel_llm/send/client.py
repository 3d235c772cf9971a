"""The client of a destination: one attempt to deliver a request, over the transport of the endpoint's scheme."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Protocol

from otel_llm.config.report import EventSettings
from otel_llm.config.send import DestinationSettings
from otel_llm.otlp.signals import Signal
from otel_llm.send.reply import Reply
from otel_llm.watched import Watched


class OtlpClient(Protocol):
    """Sends to one destination. Any thread may call."""

    def export(self, signal: Signal, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Try once to deliver a serialized Export*ServiceRequest."""

    def close(self) -> None:
        """Close the connections; attempts in flight end with a reply to try again."""


def open_client(settings: DestinationSettings) -> OtlpClient:
    """Return the client for the endpoint's scheme; certificates are read again when their files have changed.

    Raises:
        ConfigError: a certificate cannot be used.
    """
    paths = [path for path in (settings.tls.ca_file, settings.tls.cert_file, settings.tls.key_file) if path]
    return _RenewedClient(paths, functools.partial(_open, settings)) if paths else _open(settings)


class _RenewedClient:
    """A client that is opened anew once its certificates have changed."""

    def __init__(self, paths: Iterable[Path], opened: Callable[[], OtlpClient]) -> None:
        self._client = Watched(paths, opened)

    def export(self, signal: Signal, body: bytes, headers: Mapping[str, str]) -> Reply:
        self._client.renew()  # the client of before is garbage once its attempts in flight have ended
        return self._client.value.export(signal, body, headers)

    def close(self) -> None:
        self._client.value.close()


def _open(settings: DestinationSettings) -> OtlpClient:
    # import only the transport that is needed: the library of gRPC starts threads
    if str(settings.endpoint).startswith("grpc"):
        from otel_llm.send.grpc_client import GrpcClient  # noqa: PLC0415

        return GrpcClient(settings)
    if isinstance(settings, EventSettings) and settings.kind == "phoenix":
        from otel_llm.send.phoenix_client import PhoenixClient  # noqa: PLC0415

        return PhoenixClient(settings)
    from otel_llm.send.http_client import HttpClient  # noqa: PLC0415

    return HttpClient(settings)
