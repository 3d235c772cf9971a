"""OTLP over HTTP, in protobuf."""

from __future__ import annotations

import gzip
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import ClassVar, Final

import urllib3
from google.protobuf.message import DecodeError as ProtobufDecodeError
from google.rpc.status_pb2 import Status

from otel_llm.config.send import DestinationSettings
from otel_llm.otlp.signals import Signal
from otel_llm.send.certificates import client_context
from otel_llm.send.lane import Clock
from otel_llm.send.reply import USER_AGENT, Reply, delivered

# opentelemetry-proto docs/specification.md, "OTLP/HTTP: Failures"
_RETRYABLE: Final = frozenset({429, 502, 503, 504})
_FOR_ALL: Final = frozenset({401, 403, 404, 405, 415, 429})
"""Status codes that reject the sender or the address, not the content: every other request would get the same."""
_PROTOBUF: Final = "application/x-protobuf"
_MAX_ANSWER_BYTES: Final = 64 << 10
_REPR: Final = re.compile(r"<[\w.]+ object at 0x[0-9a-f]+>: |\w+Connection(Pool)?\([^)]*\): ")
"""The name of a connection in the messages of urllib3."""


class HttpClient:
    """A client over a pool of connections. Any thread may call; at most `connections` are kept."""

    reason_characters: ClassVar[int] = 300
    """Most characters of a receiver's answer that are kept as its reason."""

    def __init__(self, settings: DestinationSettings, clock: Clock = time.monotonic) -> None:
        """Open no connection yet.

        Raises:
            ConfigError: a certificate cannot be used.
        """
        self._base = str(settings.endpoint).rstrip("/")
        self._clock = clock
        self._gzip = settings.compression == "gzip"
        self._timeout_s = settings.timeout_s
        self._pool = urllib3.PoolManager(
            maxsize=settings.connections,
            retries=False,  # no redirect either: it would take the headers, and their secrets, elsewhere
            timeout=urllib3.Timeout(total=settings.timeout_s),
            ssl_context=client_context(settings.tls) if self._base.startswith("https") else None,
        )

    def export(self, signal: Signal, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Try once to deliver a serialized Export*ServiceRequest."""
        return self.post(f"/v1/{signal}", body, headers, _PROTOBUF, signal)

    def post(
        self,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
        content_type: str,
        signal: Signal | None = None,
    ) -> Reply:
        """Try once to deliver a body; with `signal`, an answer in protobuf is read for what was left out."""
        sent = {"User-Agent": USER_AGENT, **headers, "Content-Type": content_type}
        if self._gzip:
            body = gzip.compress(body, 1)
            sent["Content-Encoding"] = "gzip"
        url = f"{self._base}{path}"
        deadline_s = self._clock() + self._timeout_s
        try:
            answer = self._pool.request("POST", url, body=body, headers=sent, preload_content=False)
            reply = _reply(signal, answer, self._read(answer, deadline_s), self.reason_characters)
        except urllib3.exceptions.HTTPError as error:
            return Reply("retry", f"{url}: {_fault(error, is_https=url.startswith('https'))}")
        return reply if reply.kind == "delivered" else reply._replace(reason=f"{url}: {reply.reason}")

    def close(self) -> None:
        """Close the idle connections; attempts in flight end within their timeout."""
        self._pool.clear()

    def _read(self, answer: urllib3.BaseHTTPResponse, deadline_s: float) -> bytes:
        """Return at most the first `_MAX_ANSWER_BYTES` of an answer.

        Raises:
            urllib3.exceptions.TimeoutError: the answer did not end before the deadline.
        """
        content = b""
        try:
            while len(content) < _MAX_ANSWER_BYTES and self._clock() < deadline_s:
                chunk = answer.read1(_MAX_ANSWER_BYTES)
                if not chunk:
                    answer.release_conn()
                    return content
                content += chunk
        finally:
            answer.close()  # no effect on a connection that was released
        if self._clock() >= deadline_s:
            raise urllib3.exceptions.TimeoutError("the answer did not end within timeout_s")
        return content


def _fault(error: Exception, *, is_https: bool) -> str:
    """Return why there is no answer, in words."""
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


def _reply(signal: Signal | None, answer: urllib3.BaseHTTPResponse, content: bytes, characters: int) -> Reply:
    is_protobuf = answer.headers.get("content-type", "").partition(";")[0].strip() == _PROTOBUF
    if 200 <= answer.status < 300:
        try:
            return delivered(signal, content) if is_protobuf and signal else Reply("delivered")
        except ProtobufDecodeError:
            return Reply("delivered")  # taken; how many items were left out remains unknown
    said = _said(content, is_protobuf=is_protobuf)[:characters] or answer.reason or ""
    reason = f"HTTP {answer.status}: {said}"
    for_all = answer.status in _FOR_ALL
    if answer.status in _RETRYABLE:
        pause_s = _retry_after_s(answer.headers.get("retry-after", ""))
        return Reply("retry", reason, retry_after_s=pause_s, for_all=for_all)
    return Reply("refused", reason, for_all=for_all)


def _said(body: bytes, *, is_protobuf: bool) -> str:
    if is_protobuf:
        try:
            return str(Status.FromString(body).message)
        except ProtobufDecodeError:
            pass  # shown as text below
    return body.decode(errors="replace").strip()


def _retry_after_s(value: str) -> float:
    """Return the seconds until the time in a Retry-After header, a number of seconds or a date; else 0."""
    if value.strip().isdecimal():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return 0.0
