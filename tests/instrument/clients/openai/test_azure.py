"""Azure's client, and the plain one at Azure's hosts: provider, deployment, and what Azure adds to answers."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import openai
import pytest
from in_process import COMPLETION, chunk, client_for
from opentelemetry.trace import StatusCode
from support.model_server import served_script

from otel_llm import names

SCRIPT = Path(__file__).parent / "scripts" / "azure.toml"
ASK = [{"role": "user", "content": "Hello?"}]
VERSION = "2024-10-21"
SAFE = {"hate": {"filtered": False, "severity": "safe"}}


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The server's URL as Azure's client is given it."""
    with served_script(SCRIPT, tmp_path_factory.mktemp("serve") / "log") as url:
        yield url.removesuffix("/v1")


def azure(endpoint: str, make=openai.AzureOpenAI, **options):
    return make(
        **{"azure_endpoint": endpoint, "api_key": "none", "api_version": VERSION, "max_retries": 0, **options}
    )


def expected(endpoint: str) -> dict:
    url = urlsplit(endpoint)
    return {
        names.OPERATION: "chat",
        names.PROVIDER: "azure.ai.openai",
        names.REQUEST_MODEL: "scripted",
        names.SERVER_ADDRESS: url.hostname,
        names.SERVER_PORT: url.port,
        names.RESPONSE_MODEL: "scripted",
        names.RESPONSE_FINISH_REASONS: ("stop",),
        names.USAGE_INPUT_TOKENS: 1,
        names.USAGE_OUTPUT_TOKENS: 4,
        names.USAGE_CACHE_READ_INPUT_TOKENS: 0,
        names.USAGE_REASONING_OUTPUT_TOKENS: 0,
    }


def attributes_of(exported, answer) -> dict:
    attributes = dict(exported.span.attributes)
    assert attributes.pop(names.RESPONSE_ID) == answer.id
    attributes.pop(names.USAGE_COST, None)
    attributes.pop(names.USAGE_COST_SOURCE, None)
    return attributes


def test_a_deployment_named_in_the_call_is_the_model(instrumented, endpoint):
    with azure(endpoint) as client:
        answer = client.chat.completions.create(model="scripted", messages=ASK)

    assert instrumented.span.name == "chat scripted"
    assert attributes_of(instrumented, answer) == expected(endpoint)


def test_an_asynchronous_call_is_recorded_as_a_synchronous_one(instrumented, endpoint):
    async def call():
        async with azure(endpoint, openai.AsyncAzureOpenAI) as client:
            return await client.chat.completions.create(model="scripted", messages=ASK)

    answer = asyncio.run(call())

    assert attributes_of(instrumented, answer) == expected(endpoint)


def test_a_deployment_named_for_the_client_is_the_model_whatever_the_call_names(instrumented, endpoint):
    with azure(endpoint, azure_deployment="scripted") as client:
        answer = client.chat.completions.create(model="gpt-4o", messages=ASK)

    assert answer.choices[0].message.content == "Hello from a deployment."
    assert instrumented.span.name == "chat scripted"
    assert attributes_of(instrumented, answer) == expected(endpoint)


def test_a_deployment_in_the_base_url_is_the_model(instrumented, endpoint):
    base_url = f"{endpoint}/openai/deployments/scripted"
    with openai.AzureOpenAI(base_url=base_url, api_key="none", api_version=VERSION) as client:
        client.with_options(timeout=30).chat.completions.create(model="gpt-4o", messages=ASK)

    assert instrumented.span.attributes[names.REQUEST_MODEL] == "scripted"


def test_a_deployment_of_the_client_does_not_decide_where_the_path_has_none(instrumented, endpoint):
    with azure(endpoint, azure_deployment="another") as client:
        client.responses.create(model="scripted", input="Hello?")

    assert instrumented.span.attributes[names.REQUEST_MODEL] == "scripted"
    assert instrumented.span.attributes[names.PROVIDER] == "azure.ai.openai"


def test_a_stream_is_recorded_with_its_tokens(instrumented, endpoint):
    with azure(endpoint) as client:
        stream = client.chat.completions.create(
            model="scripted", messages=ASK, stream=True, stream_options={"include_usage": True}
        )
        assert len(list(stream)) == 7

    attributes = instrumented.span.attributes
    assert attributes[names.REQUEST_STREAM] is True
    assert attributes[names.USAGE_OUTPUT_TOKENS] == 4
    assert attributes[names.PROVIDER] == "azure.ai.openai"


def test_a_prompt_that_azure_refuses_is_the_callers_error_and_the_spans(instrumented, endpoint):
    with azure(endpoint) as client, pytest.raises(openai.BadRequestError) as raised:
        client.chat.completions.create(model="scripted", messages=[{"role": "user", "content": "forbidden"}])

    assert raised.value.code == "content_filter"
    span = instrumented.span
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes[names.ERROR_TYPE] == "BadRequestError"


def test_the_module_itself_as_azures_client_is_azures(instrumented, endpoint, monkeypatch):
    for name, value in {
        "api_type": "azure", "api_key": "none", "api_version": VERSION, "azure_endpoint": endpoint,
    }.items():  # fmt: skip
        monkeypatch.setattr(openai, name, value)
    monkeypatch.setattr(openai, "_client", None)

    answer = openai.chat.completions.create(model="scripted", messages=ASK)

    assert attributes_of(instrumented, answer) == expected(endpoint)


@pytest.mark.parametrize("make", [openai.AzureOpenAI, openai.OpenAI], ids=["Azure's client", "plain client"])
@pytest.mark.parametrize(
    "host",
    [
        "shop.openai.azure.com",
        "shop.openai.azure.us",
        "shop.openai.azure.cn",
        "shop.cognitiveservices.azure.com",
        "shop.services.ai.azure.com",
    ],
)
def test_azures_hosts_are_azures(instrumented, make, host):
    options = {"api_version": VERSION} if make is openai.AzureOpenAI else {}
    client = client_for(COMPLETION, make, base_url=f"https://{host}/openai/v1/", **options)
    client.chat.completions.create(model="my-deployment", messages=ASK)

    attributes = instrumented.span.attributes
    assert attributes[names.PROVIDER] == "azure.ai.openai"
    assert attributes[names.SERVER_ADDRESS] == host
    assert attributes[names.SERVER_PORT] == 443
    assert attributes[names.REQUEST_MODEL] == "my-deployment"


def test_a_stream_that_begins_with_the_prompts_filters_has_its_answers_id_and_model(instrumented):
    stream = client_for(
        [
            {
                "id": "", "object": "", "created": 0, "model": "", "choices": [],
                "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": SAFE}],
            },
            chunk({"role": "assistant", "content": ""}),
            chunk({"content": "Hello."}),
            chunk({}, finish_reason="content_filter"),
        ]
    ).chat.completions.create(model="m", messages=ASK, stream=True)  # fmt: skip

    assert len(list(stream)) == 4
    attributes = instrumented.span.attributes
    assert attributes[names.RESPONSE_ID] == "chatcmpl-1"
    assert attributes[names.RESPONSE_MODEL] == "gpt-4o-mini-2024-07-18"
    assert attributes[names.RESPONSE_FINISH_REASONS] == ("content_filter",)


def test_chunks_of_the_asynchronous_filter_which_have_no_delta_are_no_content(exported):
    exported.instrument(capture_content=True)
    filtered = {"content_filter_offsets": {"check_offset": 4}, "content_filter_results": SAFE}
    stream = client_for(
        [
            chunk({"role": "assistant", "content": "Hel"}),
            {"id": "", "model": "", "choices": [{"index": 0, "finish_reason": None, **filtered}]},
            chunk({"content": "lo."}),
            chunk({}, finish_reason="stop"),
            {"id": "", "model": "", "choices": [{"index": 0, "finish_reason": None, **filtered}]},
        ]
    ).chat.completions.create(model="m", messages=ASK, stream=True)

    assert len(list(stream)) == 5
    attributes = exported.span.attributes
    assert attributes[names.RESPONSE_FINISH_REASONS] == ("stop",)
    assert '"content": "Hello."' in attributes[names.OUTPUT_MESSAGES]
