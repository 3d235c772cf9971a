"""OTLP/HTTP in protobuf."""

from __future__ import annotations

import gzip
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Final

import urllib3
from google.protobuf.message import DecodeError as ProtobufDecodeError
from google.rpc.status_pb2 import Status

from otel_llm.config.send import DestinationSettings
from otel_llm.receive.signals import Signal
from otel_llm.send.certificates import client_context
from otel_llm.send.client import Reply, delivered

# opentelemetry-proto docs/specification.md, "OTLP/HTTP: Failures"
_RETRYABLE: Final = frozenset({429, 502, 503, 504})
_PROTOBUF: Final = "application/x-protobuf"
_REASON_CHARACTERS: Final = 300


class HttpClient:
    """A pool of connections."""

    def __init__(self, settings: DestinationSettings) -> None:
        """Open no connection yet.

        Raises:
            ConfigError: a certificate cannot be used.
        """
        self._base = str(settings.endpoint).rstrip("/")
        self._gzip = settings.compression == "gzip"
        self._pool = urllib3.PoolManager(
            maxsize=settings.connections,
            retries=False,  # a redirect is not followed either: it would take the headers elsewhere
            timeout=urllib3.Timeout(total=settings.timeout_s),
            ssl_context=client_context(settings.tls) if self._base.startswith("https") else None,
        )

    def export(self, signal: Signal, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Try once to deliver a serialized Export*ServiceRequest."""
        sent = {**headers, "Content-Type": _PROTOBUF}
        if self._gzip:
            body = gzip.compress(body, 1)
            sent["Content-Encoding"] = "gzip"
        try:
            answer = self._pool.request("POST", f"{self._base}/v1/{signal}", body=body, headers=sent)
        except urllib3.exceptions.HTTPError as error:
            return Reply("retry", f"{type(error).__name__}: {error}")
        return _reply(signal, answer)

    def close(self) -> None:
        """Let go of the connections that are idle; those under way end within their timeout."""
        self._pool.clear()


def _reply(signal: Signal, answer: urllib3.BaseHTTPResponse) -> Reply:
    is_protobuf = answer.headers.get("content-type", "").partition(";")[0].strip() == _PROTOBUF
    if 200 <= answer.status < 300:
        try:
            return delivered(signal, answer.data) if is_protobuf else Reply("delivered")
        except ProtobufDecodeError:
            return Reply("delivered")  # it was taken, and how much of it was not is not to be known
    reason = f"HTTP {answer.status}: {_said(answer.data, is_protobuf=is_protobuf)}"
    if answer.status in _RETRYABLE:
        return Reply("retry", reason, _retry_after_s(answer.headers.get("retry-after", "")))
    return Reply("refused", reason)


def _said(body: bytes, *, is_protobuf: bool) -> str:
    if is_protobuf:
        try:
            return str(Status.FromString(body).message)[:_REASON_CHARACTERS]
        except ProtobufDecodeError:
            pass  # shown as it is
    return body[:_REASON_CHARACTERS].decode(errors="replace").strip()


def _retry_after_s(value: str) -> float:
    """Return the seconds in a Retry-After: a number of them, or a date; 0 where it is neither."""
    if value.strip().isdecimal():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return 0.0
