"""POST /v1/chat/completions."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Coroutine, Mapping
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from otel_llm.serve.api_error import ApiError
from otel_llm.serve.metrics import Measurement, Metrics
from otel_llm.serve.model import Model, StreamBroken
from otel_llm.serve.request import ChatRequest, parse
from otel_llm.serve.wire import Answer, StreamedAnswer, WholeAnswer

_log = logging.getLogger(__name__)


class ChatCompletions:
    """The endpoint, as an ASGI application: it sends by itself, and sees a client go."""

    def __init__(self, models: Mapping[str, Model], metrics: Metrics, max_body_bytes: int) -> None:
        self._models = models
        self._metrics = metrics
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        headers: Mapping[str, str] = {}
        try:
            with Measurement(self._metrics) as measured:
                request = parse(await self._body(Request(scope, receive)))
                model = self._model(request.model)
                measured.model(model.id)
                headers = model.headers
                model.check(request)
                await _unless_gone(receive, _answer(model, request, measured, send))
        except ApiError as error:
            await error.response(headers)(scope, receive, send)
        except ClientDisconnect:
            _log.info("the client went away: its request is cancelled")
        except asyncio.CancelledError:
            # the server stops and waits no longer; this is the request's whole task, so nobody else is to know
            _log.info("the server stops: a request under way is cancelled")

    async def _body(self, request: Request) -> bytes:
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != "application/json":
            # a web page of any origin may send text/plain without asking; JSON it may not
            raise ApiError(415, f"content-type must be application/json, got {media_type or 'none'}")
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > self._max_body_bytes:
                raise ApiError(
                    413,
                    f"the body must be at most {self._max_body_bytes} bytes long",
                    code="request_too_large",
                    headers={"Connection": "close"},
                )
        return bytes(body)

    def _model(self, model_id: str) -> Model:
        if model_id not in self._models:
            raise unknown_model(model_id, self._models)
        return self._models[model_id]


def unknown_model(model_id: str, models: Mapping[str, Model]) -> ApiError:
    """Return the error for a model that is not offered; it lists those that are."""
    shown = model_id if len(model_id) <= 80 else f"{model_id[:77]}..."
    return ApiError(
        404,
        f"the model {shown!r} does not exist; this server has: {', '.join(models)}",
        param="model",
        code="model_not_found",
    )


async def _answer(model: Model, request: ChatRequest, measured: Measurement, send: Send) -> None:
    kind = StreamedAnswer if request.stream else WholeAnswer
    answer: Answer = kind(request, model.headers, send)
    try:
        async with model.slots:
            await _together(
                _pass_on(model, request, choice, answer, measured) for choice in range(request.choices)
            )
        await answer.finish()
    except StreamBroken:
        measured.error_type = StreamBroken.__name__
    except ApiError as error:
        await answer.fail(error)
        measured.error_type = str(error.status)


async def _pass_on(model: Model, request: ChatRequest, choice: int, answer: Answer, measured: Measurement) -> None:
    async with contextlib.aclosing(model.generate(request, choice)) as pieces:
        try:
            async for piece in pieces:
                measured.piece(choice, piece)
                await answer.put(choice, piece)
        except StreamBroken as broken:
            await answer.cut(choice, broken.rest)
            raise


async def _together(work: Any) -> None:
    """Run coroutines at once; the first error cancels the others."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        await _cancel(*tasks)


async def _unless_gone(receive: Receive, work: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine to its end, or cancel it as soon as the client has gone.

    Raises:
        ClientDisconnect: it has.
    """
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_disconnected(receive))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientDisconnect
        task.result()
    finally:
        await _cancel(task, gone)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _cancel(*tasks: asyncio.Future[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
