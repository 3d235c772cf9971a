"""The provider behind a base URL, by the conventions' name and by genai-prices' name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from otel_llm.instrument.contract.client import Server

# Hosts: each provider's API reference. Names: GenAI conventions, well-known values of gen_ai.provider.name. A
# provider without such a value has its id in genai-prices, else its own name.
_HOSTS: Final = {
    "aiplatform.googleapis.com": "gcp.vertex_ai",
    "api.anthropic.com": "anthropic",
    "api.cerebras.ai": "cerebras",
    "api.cloudflare.com": "cloudflare",
    "api.cohere.ai": "cohere",
    "api.cohere.com": "cohere",
    "api.deepinfra.com": "deepinfra",
    "api.deepseek.com": "deepseek",
    "api.fireworks.ai": "fireworks",
    "api.groq.com": "groq",
    "api.hyperbolic.xyz": "hyperbolic",
    "api.llama.com": "meta",
    "api.minimax.io": "minimax",
    "api.minimaxi.com": "minimax",
    "api.mistral.ai": "mistral_ai",
    "api.moonshot.ai": "moonshot_ai",
    "api.moonshot.cn": "moonshot_ai",
    "api.novita.ai": "novita",
    "api.openai.com": "openai",
    "api.perplexity.ai": "perplexity",
    "api.sambanova.ai": "sambanova",
    "api.siliconflow.cn": "siliconflow",
    "api.siliconflow.com": "siliconflow",
    "api.studio.nebius.ai": "nebius",
    "api.studio.nebius.com": "nebius",
    "api.together.ai": "together",
    "api.together.xyz": "together",
    "api.tokenfactory.nebius.com": "nebius",
    "api.x.ai": "x_ai",
    "api.z.ai": "zai",
    "codestral.mistral.ai": "mistral_ai",
    "dashscope-intl.aliyuncs.com": "dashscope",
    "dashscope-us.aliyuncs.com": "dashscope",
    "dashscope.aliyuncs.com": "dashscope",
    "generativelanguage.googleapis.com": "gcp.gemini",
    "inference.baseten.co": "baseten",
    "integrate.api.nvidia.com": "nvidia",
    "models.github.ai": "github",
    "models.inference.ai.azure.com": "github",  # GitHub Models, before the service had a host of its own
    "oai.endpoints.kepler.ai.cloud.ovh.net": "ovhcloud",
    "ollama.com": "ollama",
    "open.bigmodel.cn": "zhipuai",
    "openrouter.ai": "openrouter",
    "router.huggingface.co": "huggingface",
}
# Hosts that begin with a region, a resource or a workspace
_SUFFIXES: Final = {
    "-aiplatform.googleapis.com": "gcp.vertex_ai",
    ".api.openai.com": "openai",
    ".api.x.ai": "x_ai",
    ".azuredatabricks.net": "databricks",
    ".cloud.databricks.com": "databricks",
    ".cognitiveservices.azure.com": "azure.ai.openai",
    ".gcp.databricks.com": "databricks",
    ".ml.cloud.ibm.com": "ibm.watsonx.ai",
    ".openai.azure.cn": "azure.ai.openai",
    ".openai.azure.com": "azure.ai.openai",
    ".openai.azure.us": "azure.ai.openai",
    ".services.ai.azure.com": "azure.ai.openai",
}
# Azure's Foundry serves OpenAI's models and others on one host. The path tells which: `/openai/v1`, `/anthropic`
_FOUNDRY: Final = ".services.ai.azure.com"
_OTHER_MODELS: Final = ("/anthropic", "/models")
# Amazon's hosts: `bedrock-runtime.eu-west-1.amazonaws.com`, with other endings in other partitions
_PREFIXES: Final = {
    "bedrock-mantle.": "aws.bedrock",
    "bedrock-runtime-fips.": "aws.bedrock",
    "bedrock-runtime.": "aws.bedrock",
}
# Self-hosted servers, recognised by the name of the host: `vllm`, `vllm-small.models.svc`
_SOFTWARE: Final = frozenset({"litellm", "lmstudio", "localai", "ollama", "sglang", "vllm"})
# The self-hosted server whose default port no other server uses. The ports of vLLM (8000), LiteLLM (4000), LM
# Studio (1234) and llama.cpp (8080) identify no server: OTEL_LLM_PROVIDERS names these.
_OWN_PORTS: Final = {11434: "ollama"}
_PORTS: Final = {"https": 443, "http": 80, "wss": 443, "ws": 80}
# genai-prices 0.2.3, provider ids; a provider that is not here has the same name there
_PRICE_LISTS: Final = {
    "aws.bedrock": "aws",
    "azure.ai.inference": "azure",
    "azure.ai.openai": "azure",
    "gcp.gemini": "google",
    "gcp.vertex_ai": "google",
    "mistral_ai": "mistral",
    "moonshot_ai": "moonshotai",
    "x_ai": "x-ai",
}

_KNOWN_LIMIT: Final = 100  # base URLs kept: an app that makes a client for each call must not fill the memory


class Servers:
    """Finds the provider of a URL: in the user's table first, then in ours. Results are kept by URL."""

    def __init__(self, own: Mapping[str, str]) -> None:
        self._own = own
        self._known: dict[tuple[str, str], Server] = {}

    def at(self, url: str, default: str, *, compatible: bool = False) -> Server:
        """Return the server at a client's base URL.

        Args:
            url: the base URL.
            default: the provider of an unknown host.
            compatible: True if self-hosted servers speak the client's API. These are recognised by the name of
                their host.
        """
        key = (url, default)
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= _KNOWN_LIMIT:
                self._known.clear()
            known = self._known[key] = self._find(url, default, compatible)
        return known

    def _find(self, url: str, default: str, compatible: bool) -> Server:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or _PORTS.get(parts.scheme)
        provider = None
        if host:
            provider = self._own.get(f"{host}:{port}") or self._own.get(host) or _provider_of(host, parts.path)
            if provider is None and compatible:
                provider = _own_software(host, port)
        return Server(provider or default, host, port)


def _provider_of(host: str, path: str) -> str | None:
    if provider := _HOSTS.get(host):
        return provider
    if host.endswith(_FOUNDRY) and path.startswith(_OTHER_MODELS):
        return "azure.ai.inference"
    for suffix, provider in _SUFFIXES.items():
        if host.endswith(suffix):
            return provider
    for prefix, provider in _PREFIXES.items():
        if host.startswith(prefix):
            return provider
    return None


def _own_software(host: str, port: int | None) -> str | None:
    called = host.partition(".")[0].partition("-")[0]
    return called if called in _SOFTWARE else _OWN_PORTS.get(port or 0)


def price_list_of(provider: str) -> str:
    """Return the provider's id in genai-prices."""
    return _PRICE_LISTS.get(provider, provider)
