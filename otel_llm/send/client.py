"""One attempt to deliver a request, whichever transport takes it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final, Literal, NamedTuple, Protocol

from otel_llm.config.send import DestinationSettings
from otel_llm.otlp.signals import SIGNALS, Signal
from otel_llm.version import __version__
from otel_llm.watched import Watched

USER_AGENT: Final = f"OTel-OTLP-Exporter-otel-llm/{__version__}"
"""Source: opentelemetry-specification, protocol/exporter.md, "User Agent"."""


class Reply(NamedTuple):
    """What a receiver made of a request."""

    kind: Literal["delivered", "retry", "refused"]
    reason: str = ""
    """Why it was not delivered, or not all of it."""
    retry_after_s: float = 0.0
    """How long the receiver asks to wait."""
    rejected: int = 0
    """Items that it left out of what it took (OTLP's partial success)."""
    for_all: bool = False
    """Whether it is about who sends, whatever is sent: a limit that is reached, a permission that is missing. What
    another tenant sends, or what is of another signal, may fare otherwise."""


class Client(Protocol):
    """Sends to one destination. Any thread may."""

    def export(self, signal: Signal, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Try once to deliver a serialized Export*ServiceRequest."""

    def close(self) -> None:
        """Let go of the connections; attempts under way end with a reply to try again."""


def open_client(settings: DestinationSettings) -> Client:
    """Return the client for the endpoint's scheme; certificates are read again when their files have changed.

    Raises:
        ConfigError: a certificate cannot be used.
    """
    paths = [path for path in (settings.tls.ca_file, settings.tls.cert_file, settings.tls.key_file) if path]
    return _Renewed(paths, functools.partial(_open, settings)) if paths else _open(settings)


class _Renewed:
    """A client that is opened anew once its certificates have changed."""

    def __init__(self, paths: Iterable[Path], opened: Callable[[], Client]) -> None:
        self._client = Watched(paths, opened)

    def export(self, signal: Signal, body: bytes, headers: Mapping[str, str]) -> Reply:
        self._client.renew()  # the one before is let go of once the attempts under way with it have ended
        return self._client.value.export(signal, body, headers)

    def close(self) -> None:
        self._client.value.close()


def _open(settings: DestinationSettings) -> Client:
    # only what is needed: gRPC's library has threads of its own
    if str(settings.endpoint).startswith("grpc"):
        from otel_llm.send.grpc_client import GrpcClient  # noqa: PLC0415

        return GrpcClient(settings)
    from otel_llm.send.http_client import HttpClient  # noqa: PLC0415

    return HttpClient(settings)


def delivered(signal: Signal, body: bytes) -> Reply:
    """Return the reply in an Export*ServiceResponse.

    Raises:
        google.protobuf.message.DecodeError: the body is none.
    """
    facts = SIGNALS[signal]
    partial = facts.response.FromString(body).partial_success  # type: ignore[attr-defined]
    return Reply("delivered", partial.error_message, rejected=max(0, getattr(partial, facts.rejected)))
