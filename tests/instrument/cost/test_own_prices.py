"""A file of own prices: what it gives, and what is wrong with one."""

import pytest

from otel_llm.errors import ConfigError
from otel_llm.instrument.contract.data import Usage
from otel_llm.instrument.cost.own_prices import read_price_file
from otel_llm.instrument.cost.prices import Prices
from otel_llm.instrument.cost.rates import Rates


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


def test_every_price_that_a_file_can_say(tmp_path):
    path = tmp_path / "prices.toml"
    path.write_text(
        "[models.own]\ninput_usd_per_mtok = 1\noutput_usd_per_mtok = 2\ncache_read_usd_per_mtok = 3\n"
        "cache_write_usd_per_mtok = 4\nreasoning_usd_per_mtok = 5\ninput_audio_usd_per_mtok = 6\n"
        "output_audio_usd_per_mtok = 7\ninput_image_usd_per_mtok = 8\noutput_image_usd_per_mtok = 9\n"
        "request_usd = 10\n"
    )
    assert read_price_file(path) == {
        (None, "own"): Rates(
            input_mtok=1.0,
            output_mtok=2.0,
            cache_read_mtok=3.0,
            cache_write_mtok=4.0,
            reasoning_mtok=5.0,
            input_audio_mtok=6.0,
            output_audio_mtok=7.0,
            input_image_mtok=8.0,
            output_image_mtok=9.0,
            request_usd=10.0,
        )
    }


def test_an_own_price_of_zero_is_a_cost_of_zero(tmp_path):
    path = tmp_path / "prices.toml"
    path.write_text("[models.own]\ninput_usd_per_mtok = 0\noutput_usd_per_mtok = 0\n")

    assert Prices(read_price_file(path)).cost("vllm", "own", None, Usage(input_tokens=1, output_tokens=1)) == 0.0


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[models", "must be a TOML file"),
        ("[prices]", r'must hold \[models\."name"\] tables only'),
        ("models = 1", r'must hold \[models\."name"\] tables, got models = 1'),
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
