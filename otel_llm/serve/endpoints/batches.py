"""POST /v1/batches, by the scripted model: batches are kept in memory, and never run."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from typing import Any, ClassVar, Final, Literal

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from otel_llm import names
from otel_llm.serve.endpoints.metrics import ServerMetrics
from otel_llm.serve.endpoints.scripted_endpoint import ScriptedEndpoint, ScriptedReply, json_reply
from otel_llm.serve.http.api_error import ApiError
from otel_llm.serve.http.body import read_json
from otel_llm.serve.models.model import Model
from otel_llm.serve.models.request import STRICT, parse_as
from otel_llm.serve.models.script import ScriptRule

_KEPT: Final = 1_000  # batches in memory; beyond, the oldest is dropped
_DAY_S: Final = 24 * 60 * 60


class OutputExpiry(BaseModel):
    """Expiry of the output file: no effect, for there is no such file."""

    model_config = STRICT

    anchor: Literal["created_at"]
    seconds: int


class BatchRequest(BaseModel):
    """The body of a request.

    Source: the OpenAI API reference, "Create batch", read in November 2026.
    """

    model_config = STRICT

    input_file_id: str
    endpoint: str
    completion_window: Literal["24h"]
    metadata: dict[str, str] | None = None
    output_expires_after: OutputExpiry | None = None

    @property
    def model(self) -> None:
        """None: the requests in the file name their models."""

    @property
    def text(self) -> str:
        """The id of the file with the requests."""
        return self.input_file_id


class Batches(ScriptedEndpoint[BatchRequest]):
    """The endpoint."""

    operation: ClassVar[str] = names.CREATE_BATCH

    def __init__(self, models: Mapping[str, Model], metrics: ServerMetrics, max_body_bytes: int) -> None:
        super().__init__(models, metrics, max_body_bytes)
        self._batches: dict[str, dict[str, Any]] = {}

    def routes(self) -> list[Route]:
        """Return the routes of batches."""
        return [
            Route("/v1/batches", self, methods=["POST"]),
            Route("/v1/batches/{batch_id}", self._show),
            Route("/v1/batches/{batch_id}/cancel", self._cancel, methods=["POST"]),
        ]

    async def read(self, request: Request, limit_bytes: int) -> BatchRequest:
        """Return the request in the body."""
        return parse_as(BatchRequest, await read_json(request, limit_bytes))

    def reply(self, asked: BatchRequest, rule: ScriptRule) -> ScriptedReply:
        """Keep the batch, and return it as the reply."""
        now = int(time.time())
        batch = {
            "id": f"batch_{secrets.token_hex(12)}",
            "object": "batch",
            **asked.model_dump(exclude={"output_expires_after"}),
            "errors": None,
            "status": "validating",
            "created_at": now,
            "expires_at": now + _DAY_S,
            "request_counts": {"total": 0, "completed": 0, "failed": 0},
        }
        if len(self._batches) >= _KEPT:
            del self._batches[next(iter(self._batches))]
        self._batches[batch["id"]] = batch
        return json_reply(batch)

    async def _show(self, request: Request) -> Response:
        batch_id = request.path_params["batch_id"]
        if batch_id not in self._batches:
            return _unknown_batch(batch_id).response()
        return JSONResponse(self._batches[batch_id])

    async def _cancel(self, request: Request) -> Response:
        batch = self._batches.get(request.path_params["batch_id"])
        if batch is not None:
            batch |= {"status": "cancelled", "cancelled_at": int(time.time())}
        return await self._show(request)


def _unknown_batch(batch_id: str) -> ApiError:
    return ApiError(404, f"there is no batch {batch_id[:80]!r} here", param="batch_id", code="batch_not_found")
