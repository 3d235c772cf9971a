"""The arithmetic of a price: each token is paid once, and counts that contradict each other have no cost."""

import pytest
from usages import rates_of, usage_of

RATES = rates_of(
    input_tokens=1.0,
    output_tokens=2.0,
    cache_read_tokens=0.5,
    cache_write_tokens=1.5,
    reasoning_tokens=3.0,
    input_audio_tokens=10.0,
    input_image_tokens=4.0,
    output_audio_tokens=20.0,
    output_image_tokens=30.0,
    requests=10.0,
)
M = 1_000_000


@pytest.mark.parametrize(
    ("usage", "usd"),
    [
        (usage_of(input_tokens=4 * M, output_tokens=M), 4 + 2),
        (
            usage_of(input_tokens=4 * M, output_tokens=M, cache_read_tokens=M, cache_write_tokens=M),
            2 + 0.5 + 1.5 + 2,
        ),
        (usage_of(input_tokens=0, output_tokens=3 * M, reasoning_tokens=2 * M), 6 + 2),
        (usage_of(input_tokens=M), 1),
        (usage_of(output_tokens=M), 2),
        (
            usage_of(
                input_tokens=4 * M,
                output_tokens=M,
                input_audio_tokens=M,
                input_image_tokens=M,
            ),
            2 + 10 + 4 + 2,
        ),
        (
            usage_of(
                input_tokens=4 * M,
                output_tokens=M,
                cache_read_tokens=2 * M,
                input_audio_tokens=2 * M,
                cache_read_audio_tokens=M,
            ),
            # of the four: one is cached audio, one cached text, one audio, one text
            0.5 + 0.5 + 10 + 1 + 2,
        ),
        (
            usage_of(
                input_tokens=0,
                output_tokens=3 * M,
                output_audio_tokens=M,
                output_image_tokens=M,
            ),
            20 + 30 + 2,
        ),
    ],
)
def test_each_token_is_paid_once_at_the_price_of_its_part(usage, usd):
    assert RATES.cost(usage) == pytest.approx(usd + 0.01)


def test_a_price_that_is_not_said_is_that_of_the_whole():
    rates = rates_of(input_tokens=1.0, output_tokens=2.0)
    usage = usage_of(
        input_tokens=M,
        output_tokens=M,
        cache_read_tokens=M,
        reasoning_tokens=M,
        input_audio_tokens=M,
        output_audio_tokens=M,
    )
    assert rates.cost(usage) == 3.0


@pytest.mark.parametrize(
    "usage",
    [
        usage_of(),
        usage_of(input_tokens=10, output_tokens=0, cache_read_tokens=11),
        usage_of(input_tokens=10, output_tokens=1, reasoning_tokens=2),
        usage_of(output_tokens=10, cache_read_tokens=5),
        usage_of(input_tokens=10, reasoning_tokens=5),
        usage_of(input_tokens=10, output_tokens=-1),
        usage_of(input_tokens=10, output_tokens=0, cache_read_tokens=-1),
        usage_of(input_tokens=10, output_tokens=0, input_audio_tokens=11),
        usage_of(input_tokens=10, output_tokens=1, output_audio_tokens=-1),
        usage_of(input_tokens=10, output_tokens=1, cache_read_tokens=5, input_audio_tokens=5),
        usage_of(
            input_tokens=10,
            output_tokens=1,
            cache_read_tokens=9,
            input_audio_tokens=5,
            cache_read_audio_tokens=6,
        ),
    ],
)
def test_counts_that_are_absent_or_contradict_each_other_have_no_cost(usage):
    assert RATES.cost(usage) is None


def test_above_a_threshold_all_of_a_calls_tokens_have_the_higher_price():
    rates = rates_of(
        input_tokens=1.0,
        above=((200, rates_of(input_tokens=4.0)), (100, rates_of(input_tokens=2.0, output_tokens=1.0))),
    )
    assert [rates.cost(usage_of(input_tokens=n, output_tokens=10)) for n in (100, 101, 201)] == [
        pytest.approx(100e-6),
        pytest.approx(202e-6 + 10e-6),
        pytest.approx(804e-6),
    ]


def test_a_minimum_of_seconds_is_paid_where_there_are_any():
    rates = rates_of(minimum_s=10, audio_seconds=3_600.0, input_audio_seconds=3_600.0)
    seconds = [(0, 0), (1.5, 1.5), (12.25, 12.25)]
    usages = [usage_of(audio_seconds=whole, input_audio_seconds=part) for whole, part in seconds]
    assert [rates.cost(usage) for usage in usages] == [0, 10, 12.25]
    assert rates.cost(usage_of(input_tokens=5)) is None
    assert rates.cost(usage_of(audio_seconds=-1, input_audio_seconds=-1)) is None


WRITES = {"input_tokens": 1.0, "output_tokens": 2.0, "cache_write_tokens": 1.25, "cache_write_1h_tokens": 2.0}
CACHED_AUDIO = {"input_tokens": 1.0, "output_tokens": 2.0, "cache_read_tokens": 0.5, "input_audio_tokens": 10.0}


@pytest.mark.parametrize(
    ("prices", "counts", "usd"),
    [
        # a part of a part: an hour's writes are within the writes, and these within the input
        (
            WRITES,
            {"input_tokens": 9 * M, "cache_write_tokens": 4 * M, "cache_write_1h_tokens": M},
            5 + 3 * 1.25 + 2,
        ),
        (
            WRITES,
            {"input_tokens": 9 * M, "cache_write_tokens": 4 * M, "cache_write_5m_tokens": 4 * M},
            5 + 4 * 1.25,
        ),
        # a part of two: cached audio without a price of its own is paid once, as cached
        (
            CACHED_AUDIO,
            {
                "input_tokens": 9 * M,
                "cache_read_tokens": 4 * M,
                "input_audio_tokens": 3 * M,
                "cache_read_audio_tokens": M,
            },
            3 + 4 * 0.5 + 2 * 10,
        ),
        ({**WRITES, "web_searches": 10.0}, {"input_tokens": M, "web_searches": 3}, 1 + 0.03),
        (WRITES, {"input_tokens": M, "web_searches": 3, "output_images": 1}, 1),
        ({"audio_seconds": 0.36}, {"audio_seconds": 9.5, "input_audio_seconds": 9.5}, 0.36 * 9.5 / 3600),
        (
            {"audio_seconds": 0.36, "input_audio_seconds": 0.72, "output_audio_seconds": 1.44},
            {"audio_seconds": 0.3, "input_audio_seconds": 0.1, "output_audio_seconds": 0.2},
            (0.72 * 0.1 + 1.44 * 0.2) / 3600,
        ),
        ({"input_characters": 15.0}, {"input_characters": 1_000}, 0.015),
        ({"output_images": 0.04}, {"output_images": 2, "input_tokens": 7}, 0.08),
        (
            {"input_pages": 1.0, "input_annotated_pages": 3.0},
            {"input_pages": 5, "input_annotated_pages": 2},
            0.009,
        ),
        ({"requests": 10.0}, {}, 0.01),
    ],
)
def test_each_thing_is_paid_once_whatever_it_is(prices, counts, usd):
    assert rates_of(**prices).cost(usage_of(**counts)) == pytest.approx(usd)


@pytest.mark.parametrize(
    ("prices", "counts"),
    [
        (WRITES, {"input_tokens": 9, "cache_write_tokens": 4, "cache_write_1h_tokens": 5}),
        (WRITES, {"input_tokens": 9, "cache_write_1h_tokens": 5}),
        (WRITES, {"output_tokens": 9, "cache_read_tokens": 5}),
        (WRITES, {"input_tokens": 9, "web_searches": -1}),
        (WRITES, {"web_searches": 3}),
        (CACHED_AUDIO, {"input_tokens": 9, "cache_read_tokens": 4, "input_audio_tokens": 5}),
        ({**WRITES, "web_searches": 10.0}, {"input_tokens": 9, "web_searches": float("nan")}),
        ({**WRITES, "web_searches": 10.0}, {"input_tokens": 9, "web_searches": float("inf")}),
        ({"audio_seconds": 0.36}, {"input_audio_seconds": 9.5}),
        ({"audio_seconds": 0.36}, {"input_tokens": 9, "output_tokens": 9}),
        ({"output_images": 0.04}, {"output_tokens": 4_000}),
    ],
)
def test_what_cannot_be_told_has_no_cost(prices, counts):
    assert rates_of(**prices).cost(usage_of(**counts)) is None
