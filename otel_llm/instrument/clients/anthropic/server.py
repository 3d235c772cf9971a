"""The server of a client's calls."""

from __future__ import annotations

from typing import Any, Final

from otel_llm.instrument.clients.stainless.base_url import base_url_of
from otel_llm.instrument.contract.client import Server, Servers

# classes of clients for a single cloud
_CLASSES: Final = {
    "BaseBedrockClient": "aws.bedrock",
    "BaseFoundryClient": "azure.ai.inference",
    "BaseMantleClient": "aws.bedrock",
    "BaseVertexClient": "gcp.vertex_ai",
}


def server_of(client: Any, servers: Servers) -> Server:
    """Return the server of a client of the library."""
    return servers.at(base_url_of(client), _default_provider(type(client)))


def _default_provider(kind: type) -> str:
    """Return the provider of a client at an unknown host, such as a proxy."""
    provider = _by_class.get(kind)
    if provider is None:
        names = (_CLASSES.get(base.__name__) for base in kind.__mro__)
        provider = _by_class[kind] = next(filter(None, names), "anthropic")
    return provider


_by_class: Final[dict[type, str]] = {}
