"""A file of own prices: what it gives, and what is wrong with one."""

import pytest
from usages import rates_of, usage_of, usd

from otel_llm.errors import ConfigError
from otel_llm.instrument.contract.units import UNITS
from otel_llm.instrument.cost.own_prices import price_key, read_price_file
from otel_llm.instrument.cost.prices import Prices


def test_own_prices_come_first(tmp_path):
    path = tmp_path / "prices.toml"
    path.write_text(
        '[models."gpt-4o"]\nprovider = "openai"\ninput_usd_per_mtok = 7\noutput_usd_per_mtok = 8.5\n'
        '[models."own"]\ninput_usd_per_mtok = 1\noutput_usd_per_mtok = 2\ncache_read_usd_per_mtok = 0\n'
    )
    own = read_price_file(path)
    assert own == {
        ("openai", "gpt-4o"): rates_of(input_tokens=7.0, output_tokens=8.5),
        (None, "own"): rates_of(input_tokens=1.0, output_tokens=2.0, cache_read_tokens=0.0),
    }
    usage = usage_of(input_tokens=1_000_000, output_tokens=1_000_000, cache_read_tokens=500_000)
    assert usd(Prices(own).cost("openai", "gpt-4o", "gpt-4o-2024-08-06", usage)) == 15.5
    assert usd(Prices(own).cost("azure.ai.openai", "gpt-4o", None, usage)) != 15.5
    assert usd(Prices(own).quick_cost("vllm", "own", "own", usage)) == 0.5 + 2


def test_every_price_that_a_file_can_say(tmp_path):
    path = tmp_path / "prices.toml"
    path.write_text(
        "[models.own]\ninput_usd_per_mtok = 1\noutput_usd_per_mtok = 2\ncache_read_usd_per_mtok = 3\n"
        "cache_write_usd_per_mtok = 4\nreasoning_usd_per_mtok = 5\ninput_audio_usd_per_mtok = 6\n"
        "output_audio_usd_per_mtok = 7\ninput_image_usd_per_mtok = 8\noutput_image_usd_per_mtok = 9\n"
        "request_usd = 10\n"
    )
    assert read_price_file(path) == {
        (None, "own"): rates_of(
            input_tokens=1.0,
            output_tokens=2.0,
            cache_read_tokens=3.0,
            cache_write_tokens=4.0,
            reasoning_tokens=5.0,
            input_audio_tokens=6.0,
            output_audio_tokens=7.0,
            input_image_tokens=8.0,
            output_image_tokens=9.0,
            requests=10_000.0,
        )
    }


def test_prices_of_what_is_no_token(tmp_path):
    path = tmp_path / "prices.toml"
    path.write_text(
        "[models.searcher]\ninput_usd_per_mtok = 1\noutput_usd_per_mtok = 2\nweb_search_usd = 0.01\n"
        "cache_write_usd_per_mtok = 1.25\ncache_write_1h_usd_per_mtok = 2\n"
        "[models.painter]\noutput_image_usd = 0.04\n[models.speaker]\ninput_usd_per_mchar = 15\n"
        "[models.listener]\ninput_audio_usd_per_hour = 0.36\n[models.reader]\ninput_page_usd = 0.001\n"
    )
    prices = Prices(read_price_file(path))

    def cost(model, **counts):
        return usd(prices.cost("vllm", model, None, usage_of(**counts)))

    written = {"input_tokens": 1_000_000, "output_tokens": 0, "cache_write_tokens": 1_000_000}
    assert cost("searcher", **written, cache_write_1h_tokens=500_000, web_searches=3) == pytest.approx(1.655)
    assert cost("painter", output_images=2, input_tokens=100) == pytest.approx(0.08)
    assert cost("painter", input_tokens=100) is None
    assert cost("speaker", input_characters=1_000) == pytest.approx(0.015)
    assert cost("listener", audio_seconds=10, input_audio_seconds=10) == pytest.approx(0.001)
    assert cost("reader", input_pages=3) == pytest.approx(0.003)


def test_every_unit_can_have_a_price_of_its_own(tmp_path):
    path = tmp_path / "prices.toml"
    path.write_text("[models.own]\n" + "".join(f"{price_key(unit)} = 2\n" for unit in UNITS))
    assert set(read_price_file(path)[None, "own"].prices) == set(UNITS)


def test_an_own_price_of_zero_is_a_cost_of_zero(tmp_path):
    path = tmp_path / "prices.toml"
    path.write_text("[models.own]\ninput_usd_per_mtok = 0\noutput_usd_per_mtok = 0\n")

    cost = Prices(read_price_file(path)).cost("vllm", "own", None, usage_of(input_tokens=1, output_tokens=1))
    assert cost == (0.0, "own")


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
        ("[models.a]", "must say input_usd_per_mtok"),
        ("[models.a]\nrequest_usd = 1", "must say input_usd_per_mtok"),
        ("[models.a]\nweb_search_usd = 1", "must say input_usd_per_mtok"),
        ("[models.a]\nweb_searches_usd = 1", "has no key web_searches_usd; it has provider, .*web_search_usd"),
        ('[models.a]\noutput_image_usd = "1"', "output_image_usd must be a number of USD, 0 or more, got '1'"),
        ('[models."gpt.4"]\ninput_usd_per_mtok = 1', r'\[models\."gpt\.4"\] must say'),
    ],
)
def test_a_wrong_price_file_is_refused_by_name_and_reason(tmp_path, text, problem):
    path = tmp_path / "prices.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=problem) as error:
        read_price_file(path)
    assert str(path) in str(error.value)
