"""The `openai` client, 2.x and 3.x.

What one endpoint's fields mean is in the module named for it; `endpoints.py` lists them. The Realtime API is no
HTTP and has its own module, `realtime.py`.
"""

from __future__ import annotations

from typing import Final

from otel_llm.instrument.clients.openai.endpoints import ENDPOINTS
from otel_llm.instrument.clients.openai.realtime import PATCHES as REALTIME_PATCHES
from otel_llm.instrument.clients.openai.server import model_asked, server_of
from otel_llm.instrument.clients.stainless.client import StainlessClient, patches


class OpenAIClient(StainlessClient):
    """Where the client is patched, and how its fields are read."""

    distribution = "openai"
    versions = ">=2,<4"
    endpoints = ENDPOINTS
    patches = (*patches("openai"), *REALTIME_PATCHES)

    server_of = staticmethod(server_of)
    model_asked = staticmethod(model_asked)


CLIENT: Final = OpenAIClient()
