"""Where a client's calls go, and which model answers there."""

from __future__ import annotations

from typing import Any, Final

from otel_llm.instrument.contract.client import Server, Servers

# openai.lib.azure, `_deployments_endpoints`: where a URL has a deployment, these paths come after it
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
# the names of `openai.providers`
_RUNTIMES: Final = {"bedrock": "aws.bedrock", "vertex": "gcp.vertex_ai"}
# the classes of clients of one provider alone
_CLASSES: Final = {"BaseAzureClient": "azure.ai.openai"}


def server_of(client: Any, servers: Servers) -> Server:
    """Return the server of a client of the library."""
    kind = type(client)
    plain = _has_plain_url.get(kind)
    if plain is None:
        plain = _has_plain_url[kind] = _url_is_plain(kind)
    # the property takes 3 µs, in 3.x, to return this
    return servers.at(client._base_url if plain else client.base_url, default_provider(client))


def model_asked(server: Server, path: str, model: Any) -> str | None:
    """Return the model that a request is made to.

    That is what the app passed, with Azure's client its deployment. Where the base URL has a deployment
    (`AzureOpenAI(azure_deployment=…)`) that one answers, and the request's own model is not looked at.
    """
    if server.deployment is not None and path in _DEPLOYED:
        return server.deployment
    return str(model) if model else None


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


def _url_is_plain(kind: type) -> bool:
    """Whether a class's `base_url` is the library's own, rather than that of its module or of a subclass."""
    found = next((vars(base)["base_url"] for base in kind.__mro__ if "base_url" in vars(base)), None)
    return getattr(getattr(found, "fget", None), "__module__", None) in {"openai._client", "openai._base_client"}


_has_plain_url: Final[dict[type, bool]] = {}
_by_class: Final[dict[type, str]] = {}
