"""The paths that only the scripted model answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from starlette.routing import Route

from otel_llm.serve.endpoints.batches import Batches
from otel_llm.serve.endpoints.embeddings import Embeddings
from otel_llm.serve.endpoints.endpoint import ModelEndpoint
from otel_llm.serve.endpoints.images import ImageEdits, ImageGenerations, ImageVariations, show_image
from otel_llm.serve.endpoints.metrics import ServerMetrics
from otel_llm.serve.endpoints.moderations import Moderations
from otel_llm.serve.endpoints.speech import Speech
from otel_llm.serve.endpoints.transcriptions import Transcriptions, Translations
from otel_llm.serve.models.model import Model

_ENDPOINTS: Final[Mapping[str, type[ModelEndpoint[Any]]]] = {
    "/v1/embeddings": Embeddings,
    "/v1/images/generations": ImageGenerations,
    "/v1/images/edits": ImageEdits,
    "/v1/images/variations": ImageVariations,
    "/v1/audio/speech": Speech,
    "/v1/audio/transcriptions": Transcriptions,
    "/v1/audio/translations": Translations,
    "/v1/moderations": Moderations,
}


def scripted_routes(models: Mapping[str, Model], metrics: ServerMetrics, max_body_bytes: int) -> list[Route]:
    """Return the routes."""
    routes = [
        Route(path, endpoint(models, metrics, max_body_bytes), methods=["POST"])
        for path, endpoint in _ENDPOINTS.items()
    ]
    drawn = Route("/images/{colour}.png", show_image)
    return [*routes, *Batches(models, metrics, max_body_bytes).routes(), drawn]
