"""OTLP/HTTP: a bare ASGI application, since a framework would cost more than the decoding."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any, Final

from google.protobuf.message import Message

from otel_llm.errors import DecodeError
from otel_llm.receive.encodings import ENCODINGS, unpacked
from otel_llm.receive.intake import Intake
from otel_llm.receive.otlp_json import read_traces, write_json
from otel_llm.receive.refusal import Reason, Refusal

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_PROTOBUF: Final = "application/x-protobuf"
_JSON: Final = "application/json"
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
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        try:
            _check_route(scope["method"], scope["path"])
            encoding = _check_headers(media_type, headers)
            body = await self._read(receive, int(headers.get("content-length", 0)))
            answer = self._take(self._unpacked(body, encoding), media_type)
        except Refusal as refusal:
            await _send_refusal(send, refusal, media_type)
        else:
            await _send(send, 200, answer, media_type)

    def _take(self, body: bytes, media_type: str) -> Message:
        if media_type == _PROTOBUF:
            return self._intake.take(body, "http")
        try:
            request, rejected = read_traces(body)
        except DecodeError as error:
            raise Refusal(Reason.MALFORMED, str(error)) from error
        return self._intake.take(request, "http", rejected)

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

    def _unpacked(self, body: bytes, encoding: str) -> bytes:
        data = unpacked(body, encoding, max_bytes=self._max_bytes)
        if data is None:
            raise self._too_large("more, decompressed")
        return data

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


def _check_headers(media_type: str, headers: Mapping[str, str]) -> str:
    """Return the content encoding, one of `ENCODINGS`."""
    if media_type not in {_PROTOBUF, _JSON}:
        raise Refusal(
            Reason.MEDIA_TYPE,
            f"Content-Type must be {_PROTOBUF} or {_JSON}, got {media_type!r}: "
            "set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
        )
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ENCODINGS:
        raise Refusal(
            Reason.MEDIA_TYPE, f"Content-Encoding must be one of {', '.join(ENCODINGS)}, got {encoding!r}"
        )
    return encoding


async def _send_refusal(send: Send, refusal: Refusal, media_type: str) -> None:
    headers = [(b"connection", b"close")]  # the rest of an unread body must not be taken for a request
    if refusal.retry_after_s is not None:
        headers.append((b"retry-after", str(refusal.retry_after_s).encode()))
    if refusal.http_status == Reason.METHOD.value[1]:
        headers.append((b"allow", b"POST"))
    await _send(send, refusal.http_status, refusal.status(), media_type, headers)


async def _send(
    send: Send, status: int, answer: Message, media_type: str, headers: Sequence[tuple[bytes, bytes]] = ()
) -> None:
    """Answer in the request's media type; in protobuf where it had none of ours."""
    is_json = media_type == _JSON
    body = write_json(answer) if is_json else answer.SerializeToString()
    content_type = (_JSON if is_json else _PROTOBUF).encode()
    head = [(b"content-type", content_type), (b"content-length", str(len(body)).encode()), *headers]
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": body})
