"""Cost: right where the price is known, absent where it is not."""

import logging
import math
import time

import pytest
from genai_prices import Usage as ListUsage
from genai_prices import calc_price
from in_process import COMPLETION, client_for
from usages import rates_of, usage_of, usd

from otel_llm import names
from otel_llm.instrument.cost.prices import Pending, Prices, _Kept

ASK = [{"role": "user", "content": "Hello?"}]


def test_audio_tokens_are_priced_as_audio():
    audio = {"input_audio_tokens": 800, "output_audio_tokens": 400}
    usage = usage_of(input_tokens=1000, output_tokens=500, **audio)
    theirs = calc_price(
        ListUsage(input_tokens=1000, output_tokens=500, **audio), "gpt-realtime", provider_id="openai"
    )

    assert usd(Prices().cost("openai", "gpt-realtime", None, usage)) == pytest.approx(float(theirs.total_price))


def test_an_unknown_price_is_absent_and_never_zero():
    prices = Prices()
    usage = usage_of(input_tokens=1, output_tokens=1)
    assert prices.cost("openai", "no-such-model", None, usage) is None
    assert prices.cost("no-such-provider", "gpt-4o", None, usage) is None
    assert prices.cost("openai", None, None, usage) is None
    assert prices.cost("openai", "gpt-4o", None, usage_of()) is None


def test_the_responses_model_comes_before_the_requests():
    prices = Prices()
    usage = usage_of(input_tokens=1_000_000, output_tokens=0)
    exact = prices.cost("openai", "gpt-4o-2024-05-13", None, usage)
    assert exact != prices.cost("openai", "gpt-4o", None, usage)
    assert prices.cost("openai", "gpt-4o", "gpt-4o-2024-05-13", usage) == exact


def test_a_deployment_costs_what_the_model_behind_it_does():
    prices = Prices()
    usage = usage_of(input_tokens=1_000_000, output_tokens=0)
    assert usd(prices.cost("azure.ai.openai", "my-deployment", "gpt-4o-2024-08-06", usage)) == 2.5
    assert usd(prices.cost("azure.ai.openai", "gpt-4", "gpt-4o-2024-08-06", usage)) == 2.5


def test_a_price_that_is_not_looked_up_yet_is_pending():
    prices = Prices()
    usage = usage_of(input_tokens=10, output_tokens=10)
    assert prices.quick_cost("openai", "gpt-4o", "gpt-4o-2024-08-06", usage) is Pending.PENDING
    prices.prepare("openai", "gpt-4o")
    quick = prices.quick_cost("openai", "gpt-4o", "gpt-4o-2024-08-06", usage)
    assert quick == prices.cost("openai", "gpt-4o", "gpt-4o-2024-08-06", usage)
    prices.prepare("openai", "no-such-model")
    assert prices.quick_cost("openai", "no-such-model", "no-such-model", usage) is None


def test_a_model_of_the_response_that_may_be_in_no_list_is_not_searched_for_on_the_callers_path():
    prices = Prices()
    usage = usage_of(input_tokens=10, output_tokens=10)
    prices.prepare("openai", "gpt-4o")
    prices.prepare("openai", "no-such-model")
    assert prices.quick_cost("openai", "gpt-4o", "made-up", usage) is Pending.PENDING
    assert prices.quick_cost("openai", "no-such-model", "nor-this-one", usage) is Pending.PENDING
    assert usd(prices.cost("openai", "gpt-4o", "made-up", usage)) == pytest.approx(10 * 2.5e-6 + 10 * 10e-6)
    assert prices.quick_cost("openai", "gpt-4o", "made-up", usage) is not Pending.PENDING


def test_a_price_is_looked_up_again_when_its_time_is_over():
    prices = Prices()
    usage = usage_of(input_tokens=1_000_000, output_tokens=0)
    assert prices.cost("openai", "gpt-4o", None, usage) == (2.5, "list")
    key = ("openai", "gpt-4o", None, ())
    assert prices._kept[key].until == math.inf
    prices._kept[key] = _Kept(rates_of(input_tokens=99.0), time.time() + 60)
    assert usd(prices.quick_cost("openai", "gpt-4o", None, usage)) == 99.0
    prices._kept[key] = _Kept(rates_of(input_tokens=99.0), time.time())
    assert usd(prices.quick_cost("openai", "gpt-4o", None, usage)) == 2.5


def test_names_that_a_client_makes_up_do_not_fill_the_memory():
    prices = Prices()
    usage = usage_of(input_tokens=10, output_tokens=10)
    for number in range(1_200):
        prices.cost("groq", f"model-{number}", None, usage)
    assert len(prices._found) <= 1_000
    assert len(prices._kept) <= 1_000


@pytest.mark.parametrize(
    ("service_tier", "conditions"),
    [
        ("priority", {"service_tier": "priority"}),
        ("flex", {"service_tier": "flex"}),
        ("batch", {"processing": "batch"}),
    ],
)
def test_the_tier_that_a_response_names_is_the_tier_that_is_paid(exported, service_tier, conditions):
    exported.instrument()
    model = "gpt-5-mini"
    answer = {**COMPLETION, "model": model, "service_tier": service_tier}
    client_for(answer).chat.completions.create(model=model, messages=ASK)

    assert exported.spans
    (cost,) = exported.points(names.COST.name)
    tokens = ListUsage(input_tokens=10, output_tokens=5)
    theirs = calc_price(tokens, model, provider_id="openai", price_context=conditions)
    assert cost.value == pytest.approx(float(theirs.total_price))
    assert theirs.total_price != calc_price(tokens, model, provider_id="openai").total_price


def test_a_wrong_price_file_of_the_environment_is_one_line_in_the_log(exported, monkeypatch, tmp_path, caplog):
    path = tmp_path / "prices.toml"
    path.write_text("[models")
    monkeypatch.setenv("OTEL_LLM_PRICES", str(path))
    exported.instrument(prices=None)
    client_for(COMPLETION).chat.completions.create(model="gpt-4o-mini", messages=ASK)

    (record,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert "must be a TOML file" in record.getMessage()
    assert exported.points(names.COST.name)
