"""Azure's paths for the same API, such as `/openai/deployments/{deployment}/chat/completions?api-version=…`.

Source: the Azure OpenAI REST API reference, data plane inference, read in November 2026.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol, TypeVar
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from otel_llm.serve.http.api_error import ApiError

_ROOT: Final = "/openai/"
_DEPLOYMENT: Final = "otel_llm.deployment"

BodyT = TypeVar("BodyT", bound="RequestBody")


class RequestBody(Protocol):
    """The body of a request: a pydantic model with a field `model`."""

    def model_copy(self: BodyT, *, update: Mapping[str, Any]) -> BodyT:
        """Return a copy with changed values."""


class AzurePaths:
    """Middleware that maps Azure's paths to the endpoints. A deployment has the name of its model."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on to the endpoint."""
        if scope["type"] not in {"http", "websocket"} or not scope["path"].startswith(_ROOT):
            await self._app(scope, receive, send)
            return
        try:
            scope = _translated(scope)
        except ApiError as error:
            response = error.response()
            if scope["type"] == "http":
                await response(scope, receive, send)
            else:
                await WebSocket(scope, receive, send).send_denial_response(response)
            return
        await self._app(scope, receive, send)


def deployed(body: BodyT, scope: Scope) -> BodyT:
    """Return the body with the model in the path, which takes precedence."""
    deployment = scope.get(_DEPLOYMENT)
    return body if deployment is None else body.model_copy(update={"model": deployment})


def _translated(scope: Scope) -> Scope:
    path = scope["path"].removeprefix(_ROOT)
    if path.startswith("v1/"):  # the newer API has no versions, and takes deployments as models
        return {**scope, "path": f"/{path}"}
    if "api-version" not in parse_qs(scope["query_string"].decode("latin-1")):
        raise ApiError(404, "the query must name an api-version, such as ?api-version=2024-10-21", code="404")
    if path.startswith("deployments/"):
        _, deployment, path = path.split("/", 2) if path.count("/") > 1 else (path, None, "")
        return {**scope, "path": f"/v1/{path}", _DEPLOYMENT: deployment}
    return {**scope, "path": f"/v1/{path}"}
