"""What a call costs by the list is what the list's own calculator says, of every model in it."""

import math
import random
from datetime import UTC, date, datetime, time, timedelta
from types import SimpleNamespace

import pytest
from genai_prices import Usage as ListUsage
from genai_prices import calc_price
from genai_prices.data_snapshot import get_snapshot
from genai_prices.data_units import unit_data
from usages import usage_of, usd

from otel_llm.instrument.contract import units
from otel_llm.instrument.contract.usage import Usage
from otel_llm.instrument.cost.price_list import PriceList, _valid_until
from otel_llm.instrument.cost.prices import Prices

NOW = datetime.now(UTC)
MOMENTS = (NOW, NOW - timedelta(days=400), NOW + timedelta(days=60), NOW + timedelta(hours=7))
TIERS = ("default", "flex", "priority", "fast", "no such tier")
CONDITIONS = (None, None, {"processing": "batch"}, *({"service_tier": tier} for tier in TIERS))
THEIR_NAMES = {data["price_key"]: name for name, data in unit_data.items()}
MODELS = [(provider, model) for provider in get_snapshot().providers for model in provider.models]
COMMON = {units.INPUT_TOKENS, units.OUTPUT_TOKENS, units.CACHE_READ_TOKENS, units.CACHE_WRITE_TOKENS}


def units_of(model):
    """Return the units that a model has a price for."""
    prices = model.get_prices(NOW)
    return {unit for unit in units.UNITS if unit.price_key and getattr(prices, unit.price_key) is not None}


def some_usage(generator):
    """Return counts of any units as a provider may report them: parts may be more than wholes, or not reported."""

    def part(whole):
        most = int(whole)
        return generator.choice((None, 0, generator.randrange(most + 2), generator.randrange(most // 3 + 1)))

    counts = {
        units.INPUT_TOKENS: generator.choice(
            (0, 10, 1_000, 200_000, 200_001, 272_001, generator.randrange(600_000))
        ),
        units.OUTPUT_TOKENS: generator.choice((0, 5, generator.randrange(100_000))),
    }
    for unit in units.UNITS[2:]:
        if unit is units.REQUESTS or generator.random() < 0.5:
            continue
        counts[unit] = part(min((counts.get(whole) or 0 for whole in unit.part_of), default=100))
        if unit.thing == "second" and counts[unit] and not unit.part_of:
            counts[unit] += generator.random()
    return Usage(counts, generator.choice(CONDITIONS))


def their_usage(usage):
    counts = {unit.price_key: count for unit, count in usage.counts.items() if count is not None}
    return ListUsage(**{THEIR_NAMES[key]: count for key, count in counts.items() if key is not None})


def test_every_model_costs_what_the_lists_own_calculator_says():
    generator = random.Random(0)
    prices = PriceList()
    checked = refused = 0
    paid = set()
    rarely_priced = [found for found in MODELS if units_of(found[1]) - COMMON]
    for provider, model in MODELS * 2 + rarely_priced * 20:
        usage, now = some_usage(generator), generator.choice(MOMENTS)
        rates, _ = prices.rates((provider, model), usage.conditions or {}, now)
        cost = None if rates is None else rates.cost(usage)
        try:
            theirs = model.calc_price(
                their_usage(usage), provider, genai_request_timestamp=now, price_context=usage.conditions
            ).total_price
        except ValueError:  # parts that are more than their whole, or without one
            assert cost is None, (provider.id, model.id, usage)
            refused += 1
            continue
        if cost is None:  # nothing that has a price was counted
            assert theirs == 0, (provider.id, model.id, usage)
            continue
        assert cost == pytest.approx(float(theirs), rel=1e-12, abs=0), (provider.id, model.id, usage)
        checked += 1
        paid |= {unit for unit in rates.prices if usage.counts.get(unit)}
    assert checked > 4_000
    assert refused > 100
    assert paid == set().union(*(units_of(model) for _, model in MODELS)) - {units.REQUESTS}


def test_every_model_is_found_by_its_name_as_the_list_finds_it():
    prices = Prices()
    usage = usage_of(input_tokens=1_200, output_tokens=340, cache_read_tokens=560)
    unknown = 0
    for provider, model in MODELS:
        cost = usd(prices.cost(provider.id, model.id, None, usage))
        assert cost == usd(prices.quick_cost(provider.id, model.id, None, usage))
        try:
            theirs = calc_price(their_usage(usage), model.id, provider_id=provider.id).total_price
        except LookupError:  # some are known by longer names alone
            assert cost is None, (provider.id, model.id)
            unknown += 1
            continue
        if cost is None:
            assert theirs == 0, (provider.id, model.id)
        else:
            assert cost == pytest.approx(float(theirs), rel=1e-12, abs=0), (provider.id, model.id)
    assert unknown < len(MODELS) // 20


@pytest.mark.parametrize(
    ("model", "input_tokens", "usd_per_mtok"),
    [("gemini-2.5-pro", 200_000, 1.25), ("gemini-2.5-pro", 200_001, 2.5)],
)
def test_a_long_context_is_paid_at_its_own_price_from_the_first_token_on(model, input_tokens, usd_per_mtok):
    cost = usd(Prices().cost("gcp.gemini", model, None, usage_of(input_tokens=input_tokens, output_tokens=0)))
    assert cost == pytest.approx(input_tokens * usd_per_mtok / 1e6)


def test_a_service_tier_has_its_own_price_and_an_unknown_one_the_standard_price():
    def cost(conditions, provider="openai"):
        usage = usage_of(conditions, input_tokens=1_000_000, output_tokens=0)
        return usd(Prices().cost(provider, "gpt-4o", "gpt-4o-2024-08-06", usage))

    tiers = [cost({"service_tier": tier}) for tier in ("default", "priority", "no such tier")]
    assert [cost(None), cost({"processing": "batch"}), *tiers] == [2.5, 1.25, 2.5, 4.25, 2.5]
    assert cost({"service_tier": "priority"}, "azure.ai.openai") == 2.5  # OpenAI's tiers are not Azure's


@pytest.mark.parametrize(
    ("model", "usage"),
    [
        ("omni-moderation-latest", usage_of(input_tokens=10, output_tokens=0)),  # no price in the list
        ("whisper-1", usage_of(input_tokens=10, output_tokens=10)),  # priced by the hour
        ("tts-1", usage_of(input_tokens=10, output_tokens=0)),  # priced by the character
        ("ft:gpt-4.1:shop::abc", usage_of(input_tokens=10, output_tokens=0)),  # not the base model's price
    ],
)
def test_what_the_list_has_no_price_of_tokens_for_has_no_cost(model, usage):
    assert Prices().cost("openai", model, model, usage) is None


@pytest.mark.parametrize(
    ("provider", "model", "usage", "price"),
    [
        ("openai", "text-embedding-3-small", usage_of(input_tokens=1_000_000), 0.02),
        ("openai", "ft:gpt-4o-mini-2024-07-18:shop::abc", usage_of(input_tokens=1_000_000, output_tokens=0), 0.3),
        ("azure.ai.openai", "gpt-4o-2024-08-06", usage_of(input_tokens=1_000_000, output_tokens=0), 2.5),
        ("openrouter", "openai/gpt-4o", usage_of(input_tokens=1_000_000, output_tokens=0), 2.5),
        ("litellm", "openai/gpt-4o", usage_of(input_tokens=1_000_000, output_tokens=0), 2.5),
        (
            "openai",
            "gpt-image-1",
            usage_of(
                input_tokens=1_000_000,
                output_tokens=1_000_000,
                input_text_tokens=500_000,
                input_image_tokens=500_000,
                output_image_tokens=1_000_000,
            ),
            2.5 + 5 + 40,
        ),
    ],
)
def test_names_and_kinds_of_calls_that_the_list_knows(provider, model, usage, price):
    assert Prices().cost(provider, model, None, usage) == (pytest.approx(price), "list")


NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)


def starts(day):
    return SimpleNamespace(start_date=day)


def hours(begin, end):
    return SimpleNamespace(start_time=begin, end_time=end)


@pytest.mark.parametrize(
    ("constraints", "until"),
    [
        ([], None),
        ([starts(date(2026, 6, 15))], None),
        ([starts(date(2026, 6, 20)), starts(date(2026, 6, 17))], datetime(2026, 6, 17, tzinfo=UTC)),
        ([hours(time(0, 30), time(16, 30))], datetime(2026, 6, 15, 16, 30, tzinfo=UTC)),
        ([hours(time(1, tzinfo=UTC), time(4, tzinfo=UTC))], datetime(2026, 6, 16, 1, tzinfo=UTC)),
        ([SimpleNamespace(new_kind=1)], NOON + timedelta(minutes=1)),
    ],
)
def test_a_price_is_kept_until_the_next_moment_at_which_it_may_change(constraints, until):
    assert _valid_until(constraints, NOON) == (math.inf if until is None else until.timestamp())


def test_every_price_is_the_same_until_the_moment_that_is_given_for_it():
    prices = PriceList()
    changing = 0
    for found in MODELS:
        rates, until = prices.rates(found, {}, NOW)
        if until != math.inf:
            changing += 1
            before = datetime.fromtimestamp(until, UTC) - timedelta(microseconds=1)
            assert prices.rates(found, {}, before)[0] == rates, found[1].id
    assert changing > 5
