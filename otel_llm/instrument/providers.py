"""The provider behind a base URL, by the conventions' name for it and by genai-prices' name for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from otel_llm.instrument.fields import Server

# Hosts: each provider's API reference. Names: GenAI conventions, well-known values of gen_ai.provider.name;
# where these have none (together, fireworks, openrouter, cerebras), the provider's own.
_HOSTS: Final = {
    "api.openai.com": "openai",
    "api.groq.com": "groq",
    "api.deepseek.com": "deepseek",
    "api.x.ai": "x_ai",
    "api.mistral.ai": "mistral_ai",
    "api.perplexity.ai": "perplexity",
    "api.anthropic.com": "anthropic",
    "generativelanguage.googleapis.com": "gcp.gemini",
    "api.together.xyz": "together",
    "api.fireworks.ai": "fireworks",
    "api.cerebras.ai": "cerebras",
    "openrouter.ai": "openrouter",
}
_SUFFIXES: Final = {
    ".openai.azure.com": "azure.ai.openai",
    ".cognitiveservices.azure.com": "azure.ai.openai",
    ".services.ai.azure.com": "azure.ai.openai",
}
_PORTS: Final = {"https": 443, "http": 80, "wss": 443, "ws": 80}
# genai-prices 0.2.3, provider ids; a name that is not here is the same there
_PRICE_LISTS: Final = {
    "azure.ai.openai": "azure",
    "x_ai": "x-ai",
    "mistral_ai": "mistral",
    "gcp.gemini": "google",
}

_KNOWN_LIMIT: Final = 100  # base URLs kept; an app that makes a client for each call must not fill the memory


class Servers:
    """Who serves a URL: by the user's own table, then by ours. What was found of a client's URL is kept."""

    def __init__(self, own: Mapping[str, str]) -> None:
        self._own = own
        self._known: dict[tuple[int, str], tuple[Any, Server]] = {}

    def at(self, url: Any, default: str) -> Server:
        """Return the server at a client's base URL; `default` is the provider of one that nobody has named."""
        key = (id(url), default)
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= _KNOWN_LIMIT:
                self._known.clear()
            known = self._known[key] = (url, self._find(url, default))  # holding the URL keeps its id taken
        return known[1]

    def _find(self, url: Any, default: str) -> Server:
        host, port = url.host or None, url.port or _PORTS.get(url.scheme)
        return Server(provider_of(host, port, self._own, default), host, port)


def provider_of(host: str | None, port: int | None, own: Mapping[str, str], default: str) -> str:
    """Return the provider that serves a host: by the user's own table, then by ours, else the default."""
    if not host:
        return default
    host = host.lower()
    if own and (provider := own.get(f"{host}:{port}") or own.get(host)):
        return provider
    if provider := _HOSTS.get(host):
        return provider
    return next((name for suffix, name in _SUFFIXES.items() if host.endswith(suffix)), default)


def price_list_of(provider: str) -> str:
    """Return the provider's id in genai-prices."""
    return _PRICE_LISTS.get(provider, provider)
