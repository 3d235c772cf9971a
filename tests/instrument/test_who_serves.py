"""Who serves a base URL, what compatible servers answer differently, and servers that do not answer at all."""

import inspect
import socket
from collections.abc import Iterator

import openai
import pytest
from genai_prices.data_snapshot import get_snapshot
from in_process import COMPLETION, chunk, client_for, httpx, transport
from openai import providers as openai_providers
from openai.providers import bedrock
from opentelemetry.trace import StatusCode

from otel_llm import names
from otel_llm.instrument import servers
from otel_llm.instrument.servers import price_list_of

ASK = [{"role": "user", "content": "Hello?"}]

URLS = {
    "https://api.openai.com/v1": "openai",
    "https://eu.api.openai.com/v1": "openai",
    "https://api.groq.com/openai/v1": "groq",
    "https://api.together.ai/v1": "together",
    "https://api.together.xyz/v1": "together",
    "https://api.deepseek.com": "deepseek",
    "https://api.x.ai/v1": "x_ai",
    "https://us-east-1.api.x.ai/v1": "x_ai",
    "https://api.mistral.ai/v1": "mistral_ai",
    "https://api.perplexity.ai": "perplexity",
    "https://api.fireworks.ai/inference/v1": "fireworks",
    "https://api.cerebras.ai/v1": "cerebras",
    "https://openrouter.ai/api/v1": "openrouter",
    "https://generativelanguage.googleapis.com/v1beta/openai/": "gcp.gemini",
    "https://aiplatform.googleapis.com/v1/projects/p/locations/global/endpoints/openapi": "gcp.vertex_ai",
    "https://us-central1-aiplatform.googleapis.com/v1/projects/p/locations/l/endpoints/openapi": "gcp.vertex_ai",
    "https://api.anthropic.com/v1/": "anthropic",
    "https://api.moonshot.ai/v1": "moonshot_ai",
    "https://api.moonshot.cn/v1": "moonshot_ai",
    "https://dashscope-intl.aliyuncs.com/compatible-mode/v1": "dashscope",
    "https://open.bigmodel.cn/api/paas/v4/": "zhipuai",
    "https://api.z.ai/api/paas/v4/": "zai",
    "https://api.sambanova.ai/v1": "sambanova",
    "https://integrate.api.nvidia.com/v1": "nvidia",
    "https://router.huggingface.co/v1": "huggingface",
    "https://models.github.ai/inference": "github",
    "https://api.cohere.ai/compatibility/v1": "cohere",
    "https://dbc-1234.cloud.databricks.com/serving-endpoints": "databricks",
    "https://adb-1234.5.azuredatabricks.net/serving-endpoints": "databricks",
    "https://bedrock-runtime.eu-west-1.amazonaws.com/openai/v1": "aws.bedrock",
    "https://bedrock-runtime.cn-north-1.amazonaws.com.cn/openai/v1": "aws.bedrock",
    "https://bedrock-mantle.eu-west-1.api.aws/openai/v1": "aws.bedrock",
    "https://us-south.ml.cloud.ibm.com/ml/gateway/v1": "ibm.watsonx.ai",
    "https://api.tokenfactory.nebius.com/v1/": "nebius",
    "https://api.novita.ai/v3/openai": "novita",
    "https://api.hyperbolic.xyz/v1": "hyperbolic",
    "https://api.minimax.io/v1": "minimax",
    "https://shop.services.ai.azure.com/openai/v1": "azure.ai.openai",
    "https://shop.services.ai.azure.com/models": "azure.ai.inference",
    "https://shop.openai.azure.com/openai/v1": "azure.ai.openai",
    "https://API.Groq.com/openai/v1": "groq",
    "http://localhost:11434/v1": "ollama",
    "http://vllm-small.models.svc:8000/v1": "vllm",
    "http://litellm:4000/v1": "litellm",
    # what anything may listen on
    "http://localhost:8000/v1": "openai",
    "http://localhost:4000/v1": "openai",
    "http://localhost:1234/v1": "openai",
    # only in name like one that is known
    "https://api.groq.com.example/v1": "openai",
    "https://notapi.x.ai.example/v1": "openai",
}


@pytest.mark.parametrize(("base_url", "provider"), URLS.items())
def test_a_provider_is_known_by_its_base_url(instrumented, base_url, provider):
    client_for(COMPLETION, base_url=base_url).chat.completions.create(model="m", messages=ASK)

    attributes = instrumented.span.attributes
    assert attributes[names.PROVIDER] == provider
    assert attributes[names.SERVER_ADDRESS] == httpx.URL(base_url).host


def test_a_setting_comes_before_what_is_known(exported):
    exported.instrument(providers={"localhost:11434": "gateway", "api.groq.com": "groq-eu"})
    for base_url in ("http://localhost:11434/v1", "https://api.groq.com/openai/v1"):
        client_for(COMPLETION, base_url=base_url).chat.completions.create(model="m", messages=ASK)

    assert [span.attributes[names.PROVIDER] for span in exported.spans] == ["gateway", "groq-eu"]


def test_the_providers_whose_prices_are_listed_are_called_there_as_here():
    listed = {provider.id for provider in get_snapshot().providers}
    known = {*servers._HOSTS.values(), *servers._SUFFIXES.values(), *servers._PREFIXES.values()}

    assert {provider for provider in known if price_list_of(provider) not in listed} == {
        "dashscope", "deepinfra", "github", "huggingface", "hyperbolic", "ibm.watsonx.ai", "nebius", "nvidia",
        "ollama", "sambanova", "siliconflow",
    }  # fmt: skip


def provider_options() -> Iterator[tuple[str, object]]:
    """The ways in which the installed client is configured for a provider of its own."""
    yield "bedrock-mantle.eu-west-1.api.aws", bedrock(api_key="none", region="eu-west-1")
    yield "gateway.example", bedrock(api_key="none", base_url="https://gateway.example/openai/v1")
    if "endpoint" in inspect.signature(bedrock).parameters:  # since 3.0
        runtime = bedrock(api_key="none", region="eu-west-1", endpoint="runtime")
        yield "bedrock-runtime.eu-west-1.amazonaws.com", runtime
    if hasattr(openai_providers, "vertex"):
        vertex = openai_providers.vertex
        yield "aiplatform.googleapis.com", vertex(project="p", location="global", token_provider=lambda: "none")
        yield "proxy.example", vertex(base_url="https://proxy.example/v1", token_provider=lambda: "none")


@pytest.mark.parametrize(("host", "provider"), list(provider_options()))
def test_the_clients_own_providers_are_known_wherever_they_are_reached(instrumented, host, provider):
    name = "gcp.vertex_ai" if host in {"aiplatform.googleapis.com", "proxy.example"} else "aws.bedrock"
    with openai.OpenAI(provider=provider, http_client=httpx.Client(transport=transport(COMPLETION))) as client:
        client.chat.completions.create(model="m", messages=ASK)

    assert instrumented.span.attributes[names.PROVIDER] == name
    assert instrumented.span.attributes[names.SERVER_ADDRESS] == host


def usage_attributes(exported) -> dict:
    attributes = exported.span.attributes
    return {
        name.removeprefix("gen_ai.usage."): value
        for name, value in attributes.items()
        if name.startswith("gen_ai.usage.") and name != names.USAGE_COST
    }


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        pytest.param(
            {
                "prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120,
                "prompt_cache_hit_tokens": 64, "prompt_cache_miss_tokens": 36,
            },
            {"input_tokens": 100, "output_tokens": 20, "cache_read.input_tokens": 64},
            id="DeepSeek",
        ),
        pytest.param(
            {
                "prompt_tokens": 10120, "completion_tokens": 1499, "total_tokens": 14428,
                "prompt_tokens_details": {"cached_tokens": 128, "text_tokens": 10120},
                "completion_tokens_details": {"reasoning_tokens": 2809},
            },
            {
                "input_tokens": 10120, "output_tokens": 4308, "cache_read.input_tokens": 128,
                "reasoning.output_tokens": 2809,
            },
            id="xAI",
        ),
        pytest.param(
            {
                "prompt_tokens": 10, "completion_tokens": 30, "total_tokens": 40,
                "completion_tokens_details": {"reasoning_tokens": 20},
            },
            {"input_tokens": 10, "output_tokens": 30, "reasoning.output_tokens": 20},
            id="OpenAI",
        ),
        pytest.param(
            {"prompt_tokens": 49, "completion_tokens": 34, "total_tokens": 83, "cached_tokens": 16},
            {"input_tokens": 49, "output_tokens": 34, "cache_read.input_tokens": 16},
            id="Together and Moonshot",
        ),
    ],
)  # fmt: skip
def test_usage_is_counted_as_the_conventions_do_whatever_the_provider_calls_it(instrumented, usage, expected):
    client_for({**COMPLETION, "usage": usage}).chat.completions.create(model="m", messages=ASK)

    assert usage_attributes(instrumented) == expected


def test_the_usage_in_groqs_last_chunk_is_read(instrumented):
    usage = {"queue_time": 0.1, "prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15}
    stream = client_for(
        [
            chunk({"role": "assistant", "content": ""}, x_groq={"id": "req_1"}),
            chunk({"content": "Hello."}),
            chunk({}, finish_reason="stop", x_groq={"id": "req_1", "usage": usage}),
        ]
    ).chat.completions.create(model="m", messages=ASK, stream=True)

    assert len(list(stream)) == 3
    assert usage_attributes(instrumented) == {"input_tokens": 12, "output_tokens": 3}


@pytest.fixture
def silent_url() -> Iterator[str]:
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/v1"


@pytest.mark.parametrize("timeout", [0.05, httpx.Timeout(5, read=0.05)], ids=["seconds", "of the read"])
def test_a_timeout_is_the_callers_error_and_the_spans(instrumented, silent_url, timeout):
    with (
        openai.OpenAI(api_key="none", base_url=silent_url, max_retries=0) as client,
        pytest.raises(openai.APITimeoutError),
    ):
        client.chat.completions.create(model="m", messages=ASK, timeout=timeout)

    span = instrumented.span
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description is None
    assert span.attributes[names.ERROR_TYPE] == "APITimeoutError"
    (duration,) = instrumented.points(names.OPERATION_DURATION.name)
    assert duration.attributes[names.ERROR_TYPE] == "APITimeoutError"


def test_a_timeout_after_retries_is_one_span_with_its_attempts(instrumented, silent_url, monkeypatch):
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.001)
    with (
        openai.OpenAI(api_key="none", base_url=silent_url, max_retries=2, timeout=0.05) as client,
        pytest.raises(openai.APITimeoutError),
    ):
        client.chat.completions.create(model="m", messages=ASK)

    assert instrumented.span.attributes[names.REQUEST_ATTEMPTS] == 3


def test_a_timeout_amid_a_stream_is_the_streams_error(instrumented):
    class Stalling(httpx.SyncByteStream):
        def __iter__(self):
            yield b'data: {"id": "c", "model": "m-1", "choices": [{"index": 0, "delta": {"content": "x"}}]}\n\n'
            raise httpx.ReadTimeout("the server stalls")

    def stall(_):
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=Stalling())

    http_client = httpx.Client(transport=httpx.MockTransport(stall))
    with openai.OpenAI(api_key="none", max_retries=0, http_client=http_client) as client:
        stream = client.chat.completions.create(model="m", messages=ASK, stream=True)
        with pytest.raises((httpx.ReadTimeout, openai.APITimeoutError)) as raised:
            list(stream)

    attributes = instrumented.span.attributes
    assert attributes[names.ERROR_TYPE] == type(raised.value).__qualname__
    assert attributes[names.RESPONSE_MODEL] == "m-1"


def test_a_server_that_is_not_there_is_a_connection_error(instrumented):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    base_url = f"http://127.0.0.1:{port}/v1"
    with (
        openai.OpenAI(api_key="none", base_url=base_url, max_retries=0) as client,
        pytest.raises(openai.APIConnectionError),
    ):
        client.chat.completions.create(model="m", messages=ASK)

    assert instrumented.span.attributes[names.ERROR_TYPE] == "APIConnectionError"
