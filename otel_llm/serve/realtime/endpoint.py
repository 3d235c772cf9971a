"""GET /v1/realtime, a WebSocket: the Realtime API."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from otel_llm.serve.endpoints.endpoint import unknown_model
from otel_llm.serve.endpoints.metrics import ServerMetrics
from otel_llm.serve.http.api_error import ApiError
from otel_llm.serve.models.model import Model
from otel_llm.serve.realtime.connection import Connection
from otel_llm.serve.realtime.session import RealtimeSession

_log = logging.getLogger(__name__)

_PROTOCOL = "realtime"  # the subprotocol that a browser requests beside its key


class Realtime:
    """The endpoint, as an ASGI application. Each connection is one session."""

    def __init__(self, models: Mapping[str, Model], metrics: ServerMetrics) -> None:
        self._models = models
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        websocket = WebSocket(scope, receive, send)
        try:
            _refuse_other_origins(websocket)
            model = self._model(websocket)
        except ApiError as error:
            await websocket.send_denial_response(error.response())
            return
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in model.headers.items()]
        protocol = _PROTOCOL if _PROTOCOL in scope.get("subprotocols", ()) else None
        await websocket.accept(subprotocol=protocol, headers=headers)
        try:
            await RealtimeSession(Connection(websocket), model, self._models, self._metrics).run()
        except WebSocketDisconnect:
            _log.info("the client went away: its session ends")

    def _model(self, websocket: WebSocket) -> Model:
        query = websocket.query_params
        # Azure's name for the model, in API versions that are dates
        model_id = query.get("model") or query.get("deployment")
        if model_id is None:
            raise ApiError(400, "model is required", param="model", code="missing_required_parameter")
        if model_id not in self._models:
            raise unknown_model(model_id, self._models)
        return self._models[model_id]


def _refuse_other_origins(websocket: WebSocket) -> None:
    """Refuse web pages of other origins: a browser lets them open and read a WebSocket of any server.

    Raises:
        ApiError: status 403.
    """
    origin = websocket.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != websocket.headers.get("host"):
        raise ApiError(403, f"a web page of {origin} may not connect to this server", code="origin_not_allowed")
