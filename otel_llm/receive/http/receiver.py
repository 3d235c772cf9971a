"""OTLP/HTTP: a bare ASGI application, since a framework would cost more than the decoding."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final

from google.protobuf.message import Message

from otel_llm.config.receive import ReceiverSettings
from otel_llm.errors import DecodeError
from otel_llm.otlp.json import read_json, write_json
from otel_llm.otlp.queued import Origin
from otel_llm.otlp.signals import PATHS, Signal
from otel_llm.receive.http.body import Receive, RequestBody
from otel_llm.receive.http.encodings import ENCODINGS, INLINE_BYTES, unpack_aside
from otel_llm.receive.in_flight import Hold
from otel_llm.receive.intake import Intake
from otel_llm.receive.refusal import Reason, Refusal, too_large

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_PROTOBUF: Final = "application/x-protobuf"
_JSON: Final = "application/json"


class HttpReceiver:
    """The ASGI application behind the HTTP port. Used in the event loop.

    Large bodies are decompressed and read as JSON in threads, large JSON one at a time.
    """

    def __init__(self, intake: Intake, settings: ReceiverSettings) -> None:
        self._intake = intake
        self._max_bytes = settings.max_request_bytes
        self._timeout_s = settings.read_timeout_s
        self._large_json = asyncio.Semaphore(1)  # parsed JSON takes fifty times the bytes that `hold` counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            raise RuntimeError(f"an OTLP receiver serves http, not {scope['type']}")
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        body = RequestBody(receive, max_bytes=self._max_bytes, timeout_s=self._timeout_s)
        signal = PATHS.get(scope["path"])
        try:
            answer = await self._answer(_routed(scope), headers, media_type, body)
        except Refusal as error:
            refusal = error.with_traceback(
                None
            )  # its frames refer to this frame: a cycle, which would keep the request
        except Exception:  # a fault of ours: the sender gets a status, the log the traceback
            refusal = self._intake.failed("http", signal)
        else:
            await _send(send, 200, answer, media_type)
            return
        self._intake.refused(refusal, "http", signal)
        await _send_refusal(send, refusal, media_type, body)

    async def _answer(
        self, signal: Signal, headers: Mapping[str, str], media_type: str, body: RequestBody
    ) -> Message:
        length = int(headers.get("content-length", 0))
        origin = self._intake.admit(signal, headers.get, length)
        encoding = _check_headers(media_type, headers)
        with self._intake.hold() as hold:
            return await self._take(signal, origin, await self._read(body, encoding, hold), media_type)

    async def _read(self, body: RequestBody, encoding: str, hold: Hold) -> bytes:
        data = await unpack_aside(await body.read(hold), encoding, max_bytes=self._max_bytes)
        if data is None:
            raise too_large(self._max_bytes, "more, decompressed")
        hold.resize(len(data))
        return data

    async def _take(self, signal: Signal, origin: Origin, data: bytes, media_type: str) -> Message:
        if media_type == _PROTOBUF:
            return await self._intake.take(signal, "http", origin, data)
        try:
            if len(data) <= INLINE_BYTES:
                request, rejections = read_json(signal, data)
            else:
                async with self._large_json:
                    request, rejections = await asyncio.to_thread(read_json, signal, data)
        except DecodeError as error:
            raise Refusal(Reason.MALFORMED, str(error)) from error
        return await self._intake.take(signal, "http", origin, request, rejections)


def _routed(scope: Scope) -> Signal:
    path, method = scope["path"], scope["method"]
    if path not in PATHS:
        raise Refusal(Reason.NOT_FOUND, f"{path} is not served: {', '.join(PATHS)} are")
    if method != "POST":
        raise Refusal(Reason.METHOD, f"{path} takes POST, got {method}")
    return PATHS[path]


def _check_headers(media_type: str, headers: Mapping[str, str]) -> str:
    """Return the content encoding, one of `ENCODINGS`."""
    if media_type not in {_PROTOBUF, _JSON}:
        raise Refusal(
            Reason.MEDIA_TYPE,
            f"Content-Type must be {_PROTOBUF} or {_JSON}, got {media_type!r}: "
            "set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
        )
    encoding = headers.get("content-encoding", "").strip().lower() or "identity"
    if encoding not in ENCODINGS:
        raise Refusal(
            Reason.MEDIA_TYPE, f"Content-Encoding must be one of {', '.join(ENCODINGS)}, got {encoding!r}"
        )
    return encoding


async def _send_refusal(send: Send, refusal: Refusal, media_type: str, body: RequestBody) -> None:
    headers = []
    if not body.complete:
        headers.append((b"connection", b"close"))  # the rest of the body must not be read as the next request
    if refusal.retry_after_s is not None:
        headers.append((b"retry-after", str(refusal.retry_after_s).encode()))
    if refusal.reason is Reason.METHOD:
        headers.append((b"allow", b"POST"))
    if refusal.reason is Reason.UNAUTHENTICATED:
        headers.append((b"www-authenticate", b"Bearer"))
    await _start(send, refusal.http_status, refusal.status(), media_type, headers)
    if refusal.reason is not Reason.TOO_SLOW:
        await body.drain()
    await send({"type": "http.response.body", "body": b""})


async def _send(send: Send, status: int, answer: Message, media_type: str) -> None:
    await _start(send, status, answer, media_type, [])
    await send({"type": "http.response.body", "body": b""})


async def _start(
    send: Send, status: int, answer: Message, media_type: str, headers: list[tuple[bytes, bytes]]
) -> None:
    """Send the answer, but not its end, in the request's media type; in protobuf if that is not one of ours."""
    is_json = media_type == _JSON
    body = write_json(answer) if is_json else answer.SerializeToString()
    content_type = (_JSON if is_json else _PROTOBUF).encode()
    head = [(b"content-type", content_type), (b"content-length", str(len(body)).encode()), *headers]
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": body, "more_body": True})
