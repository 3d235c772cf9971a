"""Cost: right where the price is known, absent where it is not."""

import logging
import random
import threading
from datetime import UTC, datetime

import pytest
from genai_prices import Usage as ListUsage
from genai_prices import calc_price
from genai_prices.data_snapshot import get_snapshot
from in_process import COMPLETION, client_for

from otel_llm import names
from otel_llm.errors import ConfigError
from otel_llm.instrument.cost import Pending, Prices, Rates, read_price_file
from otel_llm.instrument.fields import Usage

ASK = [{"role": "user", "content": "Hello?"}]


def test_every_list_price_gives_what_its_own_calculator_gives():
    generator = random.Random(0)
    prices = Prices()
    checked = 0
    for provider in get_snapshot().providers:
        for model in provider.models:
            total = generator.randrange(1_000_000)
            cached = generator.randrange(total + 1)
            output = generator.randrange(100_000)
            ours = Usage(input_tokens=total, output_tokens=output, cache_read_tokens=cached)
            price = model.get_prices(datetime.now(UTC))
            if not any(value is not None for value in vars(price).values()):
                assert prices._list_cost(model, ours) is None
                continue
            theirs = ListUsage(input_tokens=total, output_tokens=output, cache_read_tokens=cached)
            assert prices._list_cost(model, ours) == pytest.approx(float(price.calc_price(theirs)["total_price"]))
            checked += 1
    assert checked > 1000


def test_audio_tokens_are_priced_as_audio():
    usage = Usage(input_tokens=1000, output_tokens=500, input_audio_tokens=800, output_audio_tokens=400)
    theirs = ListUsage(input_tokens=1000, output_tokens=500, input_audio_tokens=800, output_audio_tokens=400)

    cost = Prices().cost("openai", "gpt-4o-audio-preview", None, usage)
    assert cost == pytest.approx(
        float(calc_price(theirs, "gpt-4o-audio-preview", provider_id="openai").total_price)
    )


def test_cached_tokens_beside_the_input_give_no_negative_cost():
    usage = Usage(input_tokens=10, output_tokens=0, cache_read_tokens=1_000_000)

    assert Rates(input_mtok=2.0, cache_read_mtok=0.5).cost(usage) == 0.5


def test_an_unknown_price_is_absent_and_never_zero():
    prices = Prices()
    usage = Usage(input_tokens=1, output_tokens=1)
    assert prices.cost("openai", "no-such-model", None, usage) is None
    assert prices.cost("no-such-provider", "gpt-4o", None, usage) is None
    assert prices.cost("openai", "gpt-4o", None, Usage()) is None


def test_the_responses_model_comes_before_the_requests():
    prices = Prices()
    usage = Usage(input_tokens=1_000_000, output_tokens=0)
    exact = prices.cost("openai", "gpt-4o-2024-05-13", None, usage)
    assert exact != prices.cost("openai", "gpt-4o", None, usage)
    assert prices.cost("openai", "gpt-4o", "gpt-4o-2024-05-13", usage) == exact
    assert prices.cost("azure.ai.openai", "my-deployment", "gpt-4o-2024-05-13", usage) is not None


def test_a_price_that_is_not_looked_up_yet_is_pending():
    prices = Prices()
    usage = Usage(input_tokens=10, output_tokens=10)
    assert prices.quick_cost("openai", "gpt-4o", "gpt-4o-2024-08-06", usage) is Pending.PENDING
    prices.prepare("openai", "gpt-4o")
    quick = prices.quick_cost("openai", "gpt-4o", "gpt-4o-2024-08-06", usage)
    assert quick == prices.cost("openai", "gpt-4o", "gpt-4o-2024-08-06", usage)
    prices.prepare("openai", "no-such-model")
    assert prices.quick_cost("openai", "no-such-model", "no-such-model", usage) is None
    assert prices.quick_cost("openai", "no-such-model", "nor-this-one", usage) is Pending.PENDING


def test_names_that_a_client_makes_up_do_not_fill_the_memory():
    prices = Prices()
    prices.load()
    prices._snapshot = type("Snapshot", (), {"find_provider_model": staticmethod(lambda *_: (None, None))})
    for number in range(3000):
        prices.prepare("openai", f"model-{number}")
    assert len(prices._models) <= 1000


def test_a_cost_that_is_known_late_still_counts_in_the_metric(exported, monkeypatch):
    go_on = threading.Event()
    find = Prices._find
    monkeypatch.setattr(Prices, "_find", lambda *arguments: go_on.wait(20) and find(*arguments))
    exported.instrument()
    client_for(COMPLETION).chat.completions.create(model="gpt-4o-mini", messages=ASK)
    (span,) = exported.span_exporter.get_finished_spans()
    go_on.set()

    assert names.USAGE_COST not in span.attributes
    (cost,) = exported.points(names.COST.name)
    assert cost.value == pytest.approx((10 * 0.15 + 5 * 0.6) / 1e6)


def test_own_prices_come_first(tmp_path):
    path = tmp_path / "prices.toml"
    path.write_text(
        '[models."gpt-4o"]\nprovider = "openai"\ninput_usd_per_mtok = 7\noutput_usd_per_mtok = 8.5\n'
        '[models."own"]\ninput_usd_per_mtok = 1\noutput_usd_per_mtok = 2\ncache_read_usd_per_mtok = 0\n'
    )
    own = read_price_file(path)
    assert own == {
        ("openai", "gpt-4o"): Rates(input_mtok=7.0, output_mtok=8.5),
        (None, "own"): Rates(input_mtok=1.0, output_mtok=2.0, cache_read_mtok=0.0),
    }
    usage = Usage(input_tokens=1_000_000, output_tokens=1_000_000, cache_read_tokens=500_000)
    assert Prices(own).cost("openai", "gpt-4o", "gpt-4o-2024-08-06", usage) == 15.5
    assert Prices(own).cost("azure.ai.openai", "gpt-4o", None, usage) != 15.5
    assert Prices(own).quick_cost("vllm", "own", "own", usage) == 0.5 + 2


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[models", "must be a TOML file"),
        ("[prices]", r'must hold \[models\."name"\] tables only'),
        ("models.a = 1", "must be a table, got 1"),
        ("[models.a]\ninput = 1", "has no key input; it has provider, input_usd_per_mtok"),
        ("[models.a]\ninput_usd_per_mtok = -1", "must be a number of USD, 0 or more, got -1"),
        ("[models.a]\ninput_usd_per_mtok = nan", "must be a number of USD, 0 or more, got nan"),
        ("[models.a]\ninput_usd_per_mtok = true", "must be a number of USD, 0 or more, got True"),
        ("[models.a]\nprovider = 1", "must be a provider's name, got 1"),
        ("[models.a]\ninput_usd_per_mtok = 1", "must say output_usd_per_mtok"),
        ('[models."gpt.4"]\ninput_usd_per_mtok = 1', r'\[models\."gpt\.4"\] must say'),
    ],
)
def test_a_wrong_price_file_is_refused_by_name_and_reason(tmp_path, text, problem):
    path = tmp_path / "prices.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=problem) as error:
        read_price_file(path)
    assert str(path) in str(error.value)


def test_a_wrong_price_file_of_the_environment_is_one_line_in_the_log(exported, monkeypatch, tmp_path, caplog):
    path = tmp_path / "prices.toml"
    path.write_text("[models")
    monkeypatch.setenv("OTEL_LLM_PRICES", str(path))
    exported.instrument(prices=None)
    client_for(COMPLETION).chat.completions.create(model="gpt-4o-mini", messages=ASK)

    (record,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert "must be a TOML file" in record.getMessage()
    assert exported.points(names.COST.name)
