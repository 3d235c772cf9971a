"""The `openai` client, 2.x and 3.x.

What one endpoint's fields mean is in the module named for it; `endpoints.py` lists them. The Realtime API is no
HTTP and has its own module, `realtime.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from otel_llm.instrument.clients.openai.endpoints import ENDPOINTS
from otel_llm.instrument.clients.openai.realtime import PATCHES as REALTIME_PATCHES
from otel_llm.instrument.clients.openai.server import model_asked, server_of
from otel_llm.instrument.clients.stainless.client import StainlessClient, patches
from otel_llm.instrument.contract.client import Server, Servers


class OpenAIClient(StainlessClient):
    """Where the client is patched, and how its fields are read."""

    distribution = "openai"
    versions = ">=2,<4"
    endpoints = ENDPOINTS
    patches = (*patches("openai"), *REALTIME_PATCHES)

    def server_of(self, client: Any, servers: Servers) -> Server:
        """Return the server of a client object of the library."""
        return server_of(client, servers)

    def model_asked(self, server: Server, client: Any, path: str, body: Mapping[str, Any]) -> str | None:
        """Return the model, or with Azure the deployment, that a request is made to."""
        return model_asked(client, path, body.get("model"))


CLIENT: Final = OpenAIClient()
