"""The server of a client's calls, and the model that answers there."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from otel_llm.instrument.clients.stainless.base_url import base_url_of
from otel_llm.instrument.contract.client import Server, Servers

# openai.lib.azure, `_deployments_endpoints`: the paths that follow a deployment in a URL
_DEPLOYED: Final = frozenset(
    {
        "/completions",
        "/chat/completions",
        "/embeddings",
        "/audio/transcriptions",
        "/audio/translations",
        "/audio/speech",
        "/images/generations",
        "/images/edits",
    }
)
# names of `openai.providers`
_RUNTIMES: Final = {"bedrock": "aws.bedrock", "vertex": "gcp.vertex_ai"}
# classes of clients for a single provider
_CLASSES: Final = {"BaseAzureClient": "azure.ai.openai"}


def server_of(client: Any, servers: Servers) -> Server:
    """Return the server of a client of the library."""
    return servers.at(base_url_of(client), default_provider(client), compatible=True)


def model_asked(server: Server, client: Any, path: str, body: Mapping[str, Any]) -> str | None:
    """Return the model that a request asks for.

    This is the model that the app passed; with Azure's client, it is a deployment. If the base URL has a
    deployment (`AzureOpenAI(azure_deployment=…)`), that deployment answers, and the request's own model has no
    effect.
    """
    if path in _DEPLOYED and (deployment := _deployment(base_url_of(client))) is not None:
        return deployment
    model = body.get("model")
    return str(model) if model else None


@functools.lru_cache(100)
def _deployment(url: str) -> str | None:
    """Return Azure's deployment in a base URL: `https://shop.openai.azure.com/openai/deployments/chat-small`."""
    _, found, rest = unquote(urlsplit(url).path).partition("/deployments/")
    return rest.strip("/").partition("/")[0] or None if found else None


def default_provider(client: Any) -> str:
    """Return the provider of a client at an unknown host: an OpenAI-compatible server counts as openai.

    Source: GenAI conventions, gen_ai.provider.name.
    """
    runtime = client.__dict__.get("_provider_runtime")
    if runtime is not None:
        return _RUNTIMES.get(runtime.name, "openai")
    kind = type(client)
    provider = _by_class.get(kind)
    if provider is None:
        names = (_CLASSES.get(base.__name__) for base in kind.__mro__)
        provider = _by_class[kind] = next(filter(None, names), "openai")
    return provider


_by_class: Final[dict[type, str]] = {}
