"""OTLP/HTTP in protobuf."""

from __future__ import annotations

import gzip
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Final

import urllib3
from google.protobuf.message import DecodeError as ProtobufDecodeError
from google.rpc.status_pb2 import Status

from otel_llm.config.send import DestinationSettings
from otel_llm.otlp.signals import Signal
from otel_llm.send.certificates import client_context
from otel_llm.send.client import USER_AGENT, Reply, delivered

# opentelemetry-proto docs/specification.md, "OTLP/HTTP: Failures"
_RETRYABLE: Final = frozenset({429, 502, 503, 504})
_FOR_ALL: Final = frozenset({401, 403, 404, 405, 415, 429})
"""What is refused by who sends, and where to, not by what."""
_PROTOBUF: Final = "application/x-protobuf"
_REASON_CHARACTERS: Final = 300
_MAX_ANSWER_BYTES: Final = 64 << 10
_REPR: Final = re.compile(r"<[\w.]+ object at 0x[0-9a-f]+>: |\w+Connection(Pool)?\([^)]*\): ")
"""How urllib3 names a connection."""


class HttpClient:
    """A pool of connections."""

    def __init__(self, settings: DestinationSettings) -> None:
        """Open no connection yet.

        Raises:
            ConfigError: a certificate cannot be used.
        """
        self._base = str(settings.endpoint).rstrip("/")
        self._gzip = settings.compression == "gzip"
        self._timeout_s = settings.timeout_s
        self._pool = urllib3.PoolManager(
            maxsize=settings.connections,
            retries=False,  # a redirect is not followed either: it would take the headers elsewhere
            timeout=urllib3.Timeout(total=settings.timeout_s),
            ssl_context=client_context(settings.tls) if self._base.startswith("https") else None,
        )

    def export(self, signal: Signal, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Try once to deliver a serialized Export*ServiceRequest."""
        sent = {"User-Agent": USER_AGENT, **headers, "Content-Type": _PROTOBUF}
        if self._gzip:
            body = gzip.compress(body, 1)
            sent["Content-Encoding"] = "gzip"
        url = f"{self._base}/v1/{signal}"
        until = time.monotonic() + self._timeout_s
        try:
            answer = self._pool.request("POST", url, body=body, headers=sent, preload_content=False)
            reply = _reply(signal, answer, _read(answer, until))
        except urllib3.exceptions.HTTPError as error:
            return Reply("retry", f"{url}: {_fault(error, is_https=url.startswith('https'))}")
        return reply if reply.kind == "delivered" else reply._replace(reason=f"{url}: {reply.reason}")

    def close(self) -> None:
        """Let go of the connections that are idle; those under way end within their timeout."""
        self._pool.clear()


def _read(answer: urllib3.BaseHTTPResponse, until: float) -> bytes:
    """Return the beginning of an answer, more than which nobody needs, as far as it comes in time."""
    content = b""
    try:
        while len(content) < _MAX_ANSWER_BYTES and time.monotonic() < until:
            chunk = answer.read1(_MAX_ANSWER_BYTES)
            if not chunk:
                answer.release_conn()
                return content
            content += chunk
    finally:
        answer.close()  # which does nothing to a connection that was released
    if time.monotonic() >= until:
        raise urllib3.exceptions.TimeoutError("the answer did not end within timeout_s")
    return content


def _fault(error: Exception, *, is_https: bool) -> str:
    """Return in words why there is no answer."""
    cause = error
    while (
        isinstance(cause, urllib3.exceptions.ProtocolError)
        and cause.args
        and isinstance(cause.args[-1], Exception)
    ):
        cause = cause.args[-1]
    said = _REPR.sub("", str(cause)).strip() or type(cause).__name__
    if is_https and isinstance(error, urllib3.exceptions.ProtocolError):
        return f"{said}: does the receiver ask for a client certificate (tls.cert_file)?"
    return said


def _reply(signal: Signal, answer: urllib3.BaseHTTPResponse, content: bytes) -> Reply:
    is_protobuf = answer.headers.get("content-type", "").partition(";")[0].strip() == _PROTOBUF
    if 200 <= answer.status < 300:
        try:
            return delivered(signal, content) if is_protobuf else Reply("delivered")
        except ProtobufDecodeError:
            return Reply("delivered")  # it was taken, and how much of it was not is not to be known
    said = _said(content, is_protobuf=is_protobuf) or answer.reason or ""
    reason = f"HTTP {answer.status}: {said}"
    for_all = answer.status in _FOR_ALL
    if answer.status in _RETRYABLE:
        pause_s = _retry_after_s(answer.headers.get("retry-after", ""))
        return Reply("retry", reason, retry_after_s=pause_s, for_all=for_all)
    return Reply("refused", reason, for_all=for_all)


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
