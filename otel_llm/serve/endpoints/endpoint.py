"""The base of all endpoints: finds the model, reports errors, measures, and notices a client that disconnects."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Coroutine, Mapping
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from otel_llm.serve.endpoints.metrics import RequestMeasurement, ServerMetrics
from otel_llm.serve.http.api_error import ApiError
from otel_llm.serve.http.azure import RequestBody, deployed
from otel_llm.serve.models.model import Model

_log = logging.getLogger(__name__)


class Asked(RequestBody, Protocol):
    """The checked body of a request."""

    @property
    def model(self) -> str | None:
        """The id of the model; None if the request names no model."""


AskedT = TypeVar("AskedT", bound=Asked)


class ModelEndpoint(ABC, Generic[AskedT]):
    """One path, as an ASGI application. Any number of requests run at once, each in its own task.

    A request is cancelled when its client disconnects or the server stops.
    """

    operation: ClassVar[str]
    """The operation, named as on the client's span."""

    def __init__(self, models: Mapping[str, Model], metrics: ServerMetrics, max_body_bytes: int) -> None:
        self._models = models
        self._metrics = metrics
        self._max_body_bytes = max_body_bytes

    @abstractmethod
    async def read(self, request: Request, limit_bytes: int) -> AskedT:
        """Return the checked request.

        Raises:
            ApiError: the body is too long, or not valid.
        """

    @abstractmethod
    async def answer(self, model: Model, asked: AskedT, measured: RequestMeasurement, send: Send) -> None:
        """Send the response.

        Raises:
            ApiError: the request failed before any part of the response was sent.
        """

    def model_for(self, asked: AskedT) -> Model:
        """Return the model that a request names.

        Raises:
            ApiError: the server has no such model.
        """
        if asked.model is None:
            raise ApiError(400, "model is required", param="model", code="missing_required_parameter")
        if asked.model not in self._models:
            raise unknown_model(asked.model, self._models)
        return self._models[asked.model]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        headers: Mapping[str, str] = {}
        try:
            with RequestMeasurement(self._metrics, self.operation) as measured:
                asked = deployed(await self.read(Request(scope, receive), self._max_body_bytes), scope)
                model = self.model_for(asked)
                measured.model(model.id)
                headers = model.headers
                await _unless_gone(receive, self.answer(model, asked, measured, send))
        except ApiError as error:
            await error.response(headers)(scope, receive, send)
        except ClientDisconnect:
            _log.info("the client went away: its request is cancelled")
        except asyncio.CancelledError:
            # the server stops; nobody waits for this task, so that the cancellation may end here
            _log.info("the server stops: a request under way is cancelled")


def unknown_model(model_id: str, models: Mapping[str, Model]) -> ApiError:
    """Return the error for an unknown model; it lists the models of the server."""
    shown = model_id if len(model_id) <= 80 else f"{model_id[:77]}..."
    return ApiError(
        404,
        f"the model {shown!r} does not exist; this server has: {', '.join(models)}",
        param="model",
        code="model_not_found",
    )


async def _unless_gone(receive: Receive, work: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine to its end, or cancel it when the client disconnects.

    Raises:
        ClientDisconnect: the client has disconnected.
    """
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_disconnected(receive))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientDisconnect
        task.result()
    finally:
        await cancel(task, gone)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def cancel(*tasks: asyncio.Future[None]) -> None:
    """Cancel tasks and wait until they are done."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
