"""The `anthropic` client, from 0.60 to 2.x, plain and beta.

`messages.py` maps the fields of the one endpoint; `server.py` finds the provider.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from otel_llm.instrument.clients.anthropic.messages import MESSAGES
from otel_llm.instrument.clients.anthropic.server import server_of
from otel_llm.instrument.clients.stainless.client import StainlessClient, options_of, patches
from otel_llm.instrument.contract.client import Server, Servers

_SCOPE: Final = "com.anthropic.sdk.python"
_PLATFORMS: Final = ("aws", "bedrock", "foundry", "google_cloud", "vertex")
_OWN_SCOPES: Final = frozenset({_SCOPE, *(f"{_SCOPE}.{platform}" for platform in _PLATFORMS)})


class AnthropicClient(StainlessClient):
    """The patches of the client, and the readers of its fields."""

    distribution = "anthropic"
    versions = ">=0.60,<3"
    endpoints = MappingProxyType({"/v1/messages": MESSAGES, "/v1/messages?beta=true": MESSAGES})
    own_scopes = _OWN_SCOPES
    patches = patches("anthropic")

    def server_of(self, client: Any, servers: Servers) -> Server:
        """Return the server of a client object of the library."""
        return server_of(client, servers)

    def silence(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        """Remove the name of the client's own span from a request: without a name, the client opens no span.

        Source: anthropic 2.14, `_tracing.py`, `start_api_call_span`; versions before 1.17 have no such field.
        """
        options = options_of(args, kwargs)
        if "span_name" in vars(options):
            options.span_name = None


CLIENT: Final = AnthropicClient()
