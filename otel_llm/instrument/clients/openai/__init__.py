"""The `openai` client, 2.x and 3.x.

Each endpoint has a module of its own that maps its fields; `endpoints.py` lists the endpoints. The Realtime API
does not use HTTP requests, and has a module of its own, `realtime.py`.
"""

from __future__ import annotations

from typing import Final

from otel_llm.instrument.clients.openai.endpoints import ENDPOINTS
from otel_llm.instrument.clients.openai.realtime import PATCHES as REALTIME_PATCHES
from otel_llm.instrument.clients.openai.server import model_asked, server_of
from otel_llm.instrument.clients.stainless.client import StainlessClient, patches


class OpenAIClient(StainlessClient):
    """The patches of the client, and the readers of its fields."""

    distribution = "openai"
    versions = ">=2,<4"
    endpoints = ENDPOINTS
    patches = (*patches("openai"), *REALTIME_PATCHES)

    server_of = staticmethod(server_of)
    model_asked = staticmethod(model_asked)


CLIENT: Final = OpenAIClient()
