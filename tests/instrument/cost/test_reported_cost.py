"""A cost that the provider reports: it comes after the app's own prices and before the list, and says so."""

import math

import pytest
from in_process import COMPLETION, chunk, client_for
from usages import rates_of, usage_of

from otel_llm import names
from otel_llm.instrument.cost.prices import Prices

ASK = [{"role": "user", "content": "Hello?"}]
TOKENS = COMPLETION["usage"]
OWN = '[models."gpt-4o-mini"]\ninput_usd_per_mtok = 1\noutput_usd_per_mtok = 2\n'
REPORTED = [
    pytest.param({"cost": 0.25, "is_byok": False}, 0.25, id="OpenRouter"),
    pytest.param({"cost": 0.25}, 0.25, id="LiteLLM's proxy"),
    pytest.param({"estimated_cost": 1.5e-05}, 1.5e-05, id="DeepInfra"),
    pytest.param({"cost_in_usd_ticks": 123_456_789, "num_sources_used": 0}, 0.0123456789, id="xAI"),
    pytest.param({"cost": 0}, 0.0, id="free"),
    pytest.param({"cost": {"input_tokens_cost": 0.05, "total_cost": 0.25}}, 0.25, id="Perplexity"),
    pytest.param(
        {"cost": 0.01, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.25}}, 0.26, id="own key"
    ),
]


def cost_on_span(exported):
    attributes = exported.span.attributes
    return attributes.get(names.USAGE_COST), attributes.get(names.USAGE_COST_SOURCE)


@pytest.mark.parametrize(("extra", "usd"), REPORTED)
def test_a_completion_costs_what_the_provider_says(instrumented, extra, usd):
    answer = {**COMPLETION, "usage": {**TOKENS, **extra}}
    client_for(answer).chat.completions.create(model="gpt-4o-mini", messages=ASK)

    assert cost_on_span(instrumented) == (pytest.approx(usd), "provider")
    (point,) = instrumented.points(names.COST.name)
    assert point.value == pytest.approx(usd)


@pytest.mark.parametrize(("extra", "usd"), REPORTED)
def test_a_stream_costs_what_its_last_chunk_says(instrumented, extra, usd):
    chunks = [chunk({"content": "Hello."}), chunk({}, finish_reason="stop"), chunk({}, usage={**TOKENS, **extra})]
    list(client_for(chunks).chat.completions.create(model="gpt-4o-mini", messages=ASK, stream=True))

    assert cost_on_span(instrumented) == (pytest.approx(usd), "provider")


def test_a_response_costs_what_the_provider_says(instrumented):
    response = {
        "id": "resp_1", "object": "response", "created_at": 1, "status": "completed", "model": "gpt-4o-mini",
        "output": [], "tools": [], "tool_choice": "auto", "parallel_tool_calls": True,
        "usage": {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15, "cost_in_usd_ticks": 2_500_000_000},
    }  # fmt: skip
    client_for(response).responses.create(model="gpt-4o-mini", input="Hello?")

    assert cost_on_span(instrumented) == (0.25, "provider")


def test_an_old_completion_and_an_embedding_cost_what_the_provider_says(instrumented):
    client_for({**COMPLETION, "usage": {**TOKENS, "cost": 0.25}}).completions.create(model="m", prompt="Hello?")
    vectors = {
        "object": "list", "model": "m", "usage": {"prompt_tokens": 2, "total_tokens": 2, "cost": 0.5},
        "data": [{"object": "embedding", "index": 0, "embedding": [0.6, 0.8]}],
    }  # fmt: skip
    client_for(vectors).embeddings.create(model="m", input="Hello.")

    assert [span.attributes[names.USAGE_COST] for span in instrumented.spans] == [0.25, 0.5]


def test_a_cost_is_known_where_no_list_has_the_model(instrumented):
    answer = {**COMPLETION, "model": "no-such-model", "usage": {**TOKENS, "cost": 0.25}}
    client_for(answer).chat.completions.create(model="no-such-model", messages=ASK)

    assert cost_on_span(instrumented) == (0.25, "provider")


def test_own_prices_come_before_the_providers_word(exported, tmp_path):
    path = tmp_path / "prices.toml"
    path.write_text(OWN)
    exported.instrument(prices=path)
    answer = {**COMPLETION, "usage": {**TOKENS, "cost": 0.25}}
    client_for(answer).chat.completions.create(model="gpt-4o-mini", messages=ASK)

    assert cost_on_span(exported) == (pytest.approx(20e-6), "own")


@pytest.mark.parametrize(
    "extra",
    [
        {"cost": True},
        {"cost": "0.25"},
        {"cost": -0.25},
        {"cost": math.nan},
        {"cost": math.inf},
        {"cost": 10**400},
        {"cost": None},
        {"cost": {"total_cost": -0.25}},
        {"cost": {"input_tokens_cost": 0.25}},
        {"estimated_cost": "free"},
        {"cost_in_usd_ticks": -1},
        {"cost": 0.01, "is_byok": True},  # a fee alone is not what the call costs
        {"cost": 0.01, "is_byok": True, "cost_details": "none"},
    ],
)
def test_what_can_be_no_cost_is_ignored(exported, tmp_path, extra):
    path = tmp_path / "prices.toml"
    path.write_text(OWN.replace("gpt-4o-mini", "other"))
    exported.instrument(prices=path)
    last = {**chunk({}, usage={**TOKENS, **extra}), "model": "no-such-model"}
    list(client_for([last]).chat.completions.create(model="no-such-model", messages=ASK, stream=True))

    assert exported.span.attributes[names.USAGE_INPUT_TOKENS] == 10
    assert cost_on_span(exported) == (None, None)
    assert not exported.points(names.COST.name)


def test_the_order_is_own_prices_then_the_provider_then_the_list():
    tokens = {"input_tokens": 1_000_000, "output_tokens": 0}
    own = Prices({(None, "gpt-4o"): rates_of(input_tokens=7.0, output_tokens=8.0)})
    said = usage_of(cost_usd=0.25, **tokens)
    for price in (own.cost, own.quick_cost):
        assert price("openai", "gpt-4o", None, said) == (7.0, "own")
        assert price("openai", "gpt-4o-mini", None, said) == (0.25, "provider")
    assert own.cost("openai", "gpt-4o-mini", None, usage_of(**tokens)) == (0.15, "list")


@pytest.mark.parametrize(
    "model",
    [
        "openai/gpt-4o-mini",
        "deepseek/deepseek-chat-v3.1:free",
        "google/gemini-2.5-flash:nitro",
        "openrouter/auto",
        "foo/bar-1",
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_what_openrouter_billed_comes_before_the_list(instrumented, model, stream):
    usage = {**TOKENS, "cost": 0.0123, "cost_details": {"upstream_inference_cost": None}}
    answer = [chunk({"content": "Hi"}), chunk({}, usage=usage)] if stream else {**COMPLETION, "usage": usage}
    client = client_for(answer, base_url="https://openrouter.ai/api/v1")
    result = client.chat.completions.create(model=model, messages=ASK, stream=stream)
    if stream:
        list(result)

    assert instrumented.span.attributes[names.PROVIDER] == "openrouter"
    assert cost_on_span(instrumented) == (0.0123, "provider")


@pytest.mark.parametrize("cost", [None, "0.1", -1, True, [1]])
def test_a_cost_that_is_no_amount_leaves_the_lists_price(instrumented, cost):
    answer = {**COMPLETION, "usage": {**TOKENS, "cost": cost}}
    client_for(answer).chat.completions.create(model="gpt-4o-mini", messages=ASK)

    assert cost_on_span(instrumented)[1] != "provider"
