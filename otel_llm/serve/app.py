"""The ASGI application of the model server, with its routes."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute

from otel_llm.serve.endpoints.chat import ChatCompletions
from otel_llm.serve.endpoints.completions import TextCompletions
from otel_llm.serve.endpoints.endpoint import unknown_model
from otel_llm.serve.endpoints.metrics import ServerMetrics
from otel_llm.serve.endpoints.responses import Responses
from otel_llm.serve.endpoints.scripted_routes import scripted_routes
from otel_llm.serve.http.api_error import ApiError
from otel_llm.serve.http.azure import AzurePaths
from otel_llm.serve.models.model import Model
from otel_llm.serve.realtime.endpoint import Realtime


def create_app(models: Sequence[Model], *, max_body_bytes: int = 1 << 20) -> Starlette:
    """Return the ASGI application that serves the models, and closes them when it ends.

    No response has a CORS header, so that web pages of other origins cannot read from this server.
    """
    by_id = {model.id: model for model in models}
    metrics = ServerMetrics()
    created = int(time.time())

    def described(model: Model) -> dict[str, Any]:
        return {"id": model.id, "object": "model", "created": created, "owned_by": model.owned_by}

    async def list_models(_: Request) -> Response:
        return JSONResponse({"object": "list", "data": [described(model) for model in models]})

    async def show_model(request: Request) -> Response:
        model_id = request.path_params["model_id"]
        if model_id not in by_id:
            return unknown_model(model_id, by_id).response()
        return JSONResponse(described(by_id[model_id]), headers=dict(by_id[model_id].headers))

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "ok", "models": list(by_id)})

    async def scrape(_: Request) -> Response:
        body, media_type = metrics.exposition()
        return Response(body, media_type=media_type)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        for model in models:
            model.close()
        metrics.close()

    return Starlette(
        routes=[
            Route("/v1/chat/completions", ChatCompletions(by_id, metrics, max_body_bytes), methods=["POST"]),
            Route("/v1/responses", Responses(by_id, metrics, max_body_bytes), methods=["POST"]),
            Route("/v1/completions", TextCompletions(by_id, metrics, max_body_bytes), methods=["POST"]),
            *scripted_routes(by_id, metrics, max_body_bytes),
            WebSocketRoute("/v1/realtime", Realtime(by_id, metrics)),
            Route("/v1/models", list_models),
            Route("/v1/models/{model_id:path}", show_model),
            Route("/healthz", health),
            Route("/metrics", scrape),
        ],
        middleware=[Middleware(AzurePaths)],
        exception_handlers={HTTPException: _http_error, Exception: _internal_error},
        lifespan=lifespan,
    )


async def _http_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    messages = {
        404: f"there is no {request.url.path} here; the API is at /v1, such as /v1/chat/completions",
        405: f"{request.url.path} does not answer {request.method}",
    }
    message = messages.get(error.status_code, error.detail)
    return ApiError(error.status_code, message, headers=error.headers).response()


async def _internal_error(_: Request, __: Exception) -> Response:
    # the HTTP server logs the traceback; a client must not see it
    return ApiError(500, "the server failed; its log says why", code="internal_error").response()
