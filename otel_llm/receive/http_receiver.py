"""OTLP/HTTP: a bare ASGI application, since a framework would cost more than the decoding."""

from __future__ import annotations

import zlib
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final

from otel_llm.receive.intake import Intake
from otel_llm.receive.refusal import Reason, Refusal

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_PROTOBUF: Final = "application/x-protobuf"
_TRACES: Final = "/v1/traces"
_ELSEWHERE: Final = frozenset({"/v1/metrics", "/v1/logs"})


class HttpReceiver:
    """The ASGI application behind the HTTP port."""

    def __init__(self, intake: Intake, *, max_bytes: int) -> None:
        """Take requests of up to `max_bytes`, before and after decompression."""
        self._intake = intake
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            raise RuntimeError(f"an OTLP receiver serves http, not {scope['type']}")
        try:
            _check_route(scope["method"], scope["path"])
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
            encoding = _check_headers(headers)
            body = await self._read(receive, int(headers.get("content-length", 0)))
            answer = self._intake.take(self._decompress(body, encoding), "http")
        except Refusal as refusal:
            await _send_refusal(send, refusal)
        else:
            await _send(send, 200, answer)

    async def _read(self, receive: Receive, length: int) -> bytes:
        if length > self._max_bytes:
            raise self._too_large(f"{length} bytes")
        body, more = bytearray(), True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Refusal(Reason.MALFORMED, "the connection closed before the body was complete")
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > self._max_bytes:
                raise self._too_large("more")
        return bytes(body)

    def _decompress(self, body: bytes, encoding: str) -> bytes:
        if encoding != "gzip":
            return body
        data = bytearray()
        while body:  # a gzip file is one or more members
            member = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
            try:
                data += member.decompress(body, self._max_bytes + 1 - len(data))
            except zlib.error as error:
                raise Refusal(Reason.MALFORMED, f"the body is not gzip: {error}") from error
            if len(data) > self._max_bytes:
                raise self._too_large("more, decompressed")
            if not member.eof:
                raise Refusal(Reason.MALFORMED, "the body is not gzip: it ends too early")
            body = member.unused_data
        return bytes(data)

    def _too_large(self, size: str) -> Refusal:
        return Refusal(
            Reason.TOO_LARGE,
            f"a request must be at most {self._max_bytes} bytes, got {size}: send smaller batches, "
            "or raise max_request_bytes of the service",
        )


def _check_route(method: str, path: str) -> None:
    if path in _ELSEWHERE:
        raise Refusal(
            Reason.NOT_FOUND,
            f"{path} is not served: this service takes traces alone, at {_TRACES}; "
            "send metrics and logs to your OpenTelemetry Collector",
        )
    if path != _TRACES:
        raise Refusal(Reason.NOT_FOUND, f"{path} is not served: traces go to {_TRACES}")
    if method != "POST":
        raise Refusal(Reason.METHOD, f"{_TRACES} takes POST, got {method}")


def _check_headers(headers: Mapping[str, str]) -> str:
    """Return the content encoding: gzip or identity."""
    content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != _PROTOBUF:
        raise Refusal(
            Reason.MEDIA_TYPE,
            f"Content-Type must be {_PROTOBUF}, got {content_type!r}: "
            "set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
        )
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"gzip", "identity"}:
        raise Refusal(Reason.MEDIA_TYPE, f"Content-Encoding must be gzip or identity, got {encoding!r}")
    return encoding


async def _send_refusal(send: Send, refusal: Refusal) -> None:
    headers = [(b"connection", b"close")]  # the rest of an unread body must not be taken for a request
    if refusal.retry_after_s is not None:
        headers.append((b"retry-after", str(refusal.retry_after_s).encode()))
    if refusal.http_status == Reason.METHOD.value[1]:
        headers.append((b"allow", b"POST"))
    await _send(send, refusal.http_status, refusal.status(), headers)


async def _send(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]] | None = None) -> None:
    head = [(b"content-type", _PROTOBUF.encode()), (b"content-length", str(len(body)).encode()), *(headers or [])]
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": body})
