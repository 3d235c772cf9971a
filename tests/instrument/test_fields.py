"""What the openai client's module reads: providers, servers, and answers that leave things out."""

import openai
import pytest
from in_process import COMPLETION, chunk, client_for

from otel_llm import names
from otel_llm.config.instrument import read_settings
from otel_llm.config.instrument_values import ConventionNames

ASK = [{"role": "user", "content": "Hello?"}]


def provider_and_server(exported):
    attributes = exported.span.attributes
    return attributes[names.PROVIDER], attributes[names.SERVER_ADDRESS], attributes[names.SERVER_PORT]


@pytest.mark.parametrize(
    ("base_url", "provider", "address", "port"),
    [
        (None, "openai", "api.openai.com", 443),
        ("https://api.groq.com/openai/v1", "groq", "api.groq.com", 443),
        ("https://api.deepseek.com", "deepseek", "api.deepseek.com", 443),
        ("https://shop.openai.azure.com/openai/v1", "azure.ai.openai", "shop.openai.azure.com", 443),
        ("http://localhost:8000/v1", "openai", "localhost", 8000),
        ("http://llm.example/v1", "openai", "llm.example", 80),
    ],
)
def test_the_provider_follows_from_the_base_url(instrumented, base_url, provider, address, port):
    client_for(COMPLETION, base_url=base_url).chat.completions.create(model="m", messages=ASK)

    assert provider_and_server(instrumented) == (provider, address, port)


def test_an_azure_client_is_azures(instrumented):
    client = client_for(
        COMPLETION, openai.AzureOpenAI, azure_endpoint="https://shop.openai.azure.com", api_version="2024-10-21"
    )
    client.chat.completions.create(model="my-deployment", messages=ASK)

    assert provider_and_server(instrumented) == ("azure.ai.openai", "shop.openai.azure.com", 443)
    assert instrumented.span.name == "chat my-deployment"


def test_a_setting_names_the_provider_of_a_server(exported, monkeypatch):
    monkeypatch.setenv("OTEL_LLM_PROVIDERS", "localhost:8000=vllm, LLM.example = ollama")
    exported.instrument()
    for base_url in ("http://localhost:8000/v1", "http://llm.example/v1", "http://localhost:9000/v1"):
        client_for(COMPLETION, base_url=base_url).chat.completions.create(model="m", messages=ASK)

    assert [span.attributes[names.PROVIDER] for span in exported.spans] == ["vllm", "ollama", "openai"]


def test_arguments_that_are_not_given_leave_no_attribute(instrumented):
    client_for(COMPLETION).chat.completions.create(
        model="m", messages=ASK, temperature=openai.NOT_GIVEN, top_p=openai.omit, stop=None, n=1, seed=None
    )

    assert {name for name in instrumented.span.attributes if name.startswith("gen_ai.request.")} == {
        names.REQUEST_MODEL
    }


def test_service_tiers_stops_and_the_extra_body_are_read(instrumented):
    client_for({**COMPLETION, "service_tier": "priority"}).chat.completions.create(
        model="m", messages=ASK, service_tier="priority", stop=["a", "b"], extra_body={"seed": 5}
    )

    attributes = instrumented.span.attributes
    assert attributes[names.OPENAI_REQUEST_SERVICE_TIER] == "priority"
    assert attributes[names.OPENAI_RESPONSE_SERVICE_TIER] == "priority"
    assert attributes[names.REQUEST_STOP_SEQUENCES] == ("a", "b")
    assert attributes[names.REQUEST_SEED] == 5


@pytest.mark.parametrize(
    ("options", "output_type"),
    [
        ({"response_format": {"type": "text"}}, "text"),
        ({"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}}}, "json"),
        ({"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"}}, "speech"),
    ],
)
def test_the_output_type_is_what_was_asked_for(instrumented, options, output_type):
    client_for(COMPLETION).chat.completions.create(model="m", messages=ASK, **options)

    assert instrumented.span.attributes[names.OUTPUT_TYPE] == output_type


def test_an_answer_that_leaves_out_almost_all_is_recorded(instrumented):
    answer = client_for({"choices": []}).chat.completions.create(model="m", messages=ASK)

    assert answer.choices == []
    assert not {
        name for name in instrumented.span.attributes if name.startswith(("gen_ai.response", "gen_ai.usage"))
    }


def test_a_stream_of_a_server_that_leaves_out_almost_all_is_recorded(instrumented):
    stream = client_for([{"choices": []}, {"choices": None}, chunk({"content": "x"})]).chat.completions.create(
        model="m", messages=ASK, stream=True
    )

    assert len(list(stream)) == 3
    assert names.RESPONSE_TIME_TO_FIRST_CHUNK in instrumented.span.attributes


def test_an_answer_that_is_no_json_object_is_the_apps_own_concern(instrumented):
    answer = client_for("just text").chat.completions.create(model="m", messages=ASK)

    assert answer == "just text"
    assert names.RESPONSE_MODEL not in instrumented.span.attributes


def test_cached_and_reasoning_tokens_are_parts_and_not_additions(instrumented):
    usage = {
        "prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150,
        "prompt_tokens_details": {"cached_tokens": 80, "cache_write_tokens": 10},
        "completion_tokens_details": {"reasoning_tokens": 30},
    }  # fmt: skip
    client_for({**COMPLETION, "usage": usage}).chat.completions.create(model="m", messages=ASK)

    attributes = instrumented.span.attributes
    assert {name: attributes[name] for name in attributes if name.startswith("gen_ai.usage.")} == {
        names.USAGE_INPUT_TOKENS: 100,
        names.USAGE_OUTPUT_TOKENS: 50,
        names.USAGE_CACHE_READ_INPUT_TOKENS: 80,
        names.USAGE_CACHE_CREATION_INPUT_TOKENS: 10,
        names.USAGE_REASONING_OUTPUT_TOKENS: 30,
        names.USAGE_COST: pytest.approx((20 * 0.15 + 80 * 0.075 + 50 * 0.6) / 1e6),
    }


CREATION, WRITE = names.USAGE_CACHE_CREATION_INPUT_TOKENS, names.USAGE_CACHE_WRITE_INPUT_TOKENS


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, {CREATION}),
        ({"metric_names": "deployed"}, {CREATION}),
        ({"metric_names": "newest"}, {WRITE}),
        ({"metric_names": "both"}, {CREATION, WRITE}),
        ({"attribute_names": "newest"}, {WRITE}),
        ({"metric_names": "newest", "attribute_names": "deployed"}, {CREATION}),
        ({"attribute_names": "both"}, {CREATION, WRITE}),
    ],
)
def test_cache_writes_have_the_names_chosen(exported, settings, expected):
    exported.instrument(**settings)
    usage = {"prompt_tokens": 9, "completion_tokens": 1, "prompt_tokens_details": {"cache_write_tokens": 7}}
    client_for({**COMPLETION, "usage": usage}).chat.completions.create(model="m", messages=ASK)

    attributes = exported.span.attributes
    assert {name: attributes[name] for name in (CREATION, WRITE) if name in attributes} == dict.fromkeys(
        expected, 7
    )


def test_the_names_of_attributes_come_from_their_variable(monkeypatch):
    monkeypatch.setenv("OTEL_LLM_ATTRIBUTE_NAMES", "Newest")
    settings, problems = read_settings()
    assert (settings.attribute_names, problems) == (ConventionNames.NEWEST, [])
