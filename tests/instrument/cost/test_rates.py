"""The arithmetic of a price: each token is paid once, and counts that contradict each other have no cost."""

import pytest

from otel_llm.instrument.contract.data import Modalities, Usage
from otel_llm.instrument.cost.rates import Rates

RATES = Rates(
    input_mtok=1.0,
    output_mtok=2.0,
    cache_read_mtok=0.5,
    cache_write_mtok=1.5,
    reasoning_mtok=3.0,
    input_audio_mtok=10.0,
    input_image_mtok=4.0,
    output_audio_mtok=20.0,
    output_image_mtok=30.0,
    request_usd=0.01,
)
M = 1_000_000


@pytest.mark.parametrize(
    ("usage", "usd"),
    [
        (Usage(input_tokens=4 * M, output_tokens=M), 4 + 2),
        (Usage(input_tokens=4 * M, output_tokens=M, cache_read_tokens=M, cache_write_tokens=M), 2 + 0.5 + 1.5 + 2),
        (Usage(input_tokens=0, output_tokens=3 * M, reasoning_tokens=2 * M), 6 + 2),
        (Usage(input_tokens=M), 1),
        (Usage(output_tokens=M), 2),
        (
            Usage(
                input_tokens=4 * M,
                output_tokens=M,
                modalities=Modalities(input_audio_tokens=M, input_image_tokens=M),
            ),
            2 + 10 + 4 + 2,
        ),
        (
            Usage(
                input_tokens=4 * M,
                output_tokens=M,
                cache_read_tokens=2 * M,
                modalities=Modalities(input_audio_tokens=2 * M, cache_read_audio_tokens=M),
            ),
            # of the four: one is cached audio, one cached text, one audio, one text
            0.5 + 0.5 + 10 + 1 + 2,
        ),
        (
            Usage(
                input_tokens=0,
                output_tokens=3 * M,
                modalities=Modalities(output_audio_tokens=M, output_image_tokens=M),
            ),
            20 + 30 + 2,
        ),
    ],
)
def test_each_token_is_paid_once_at_the_price_of_its_part(usage, usd):
    assert RATES.cost(usage) == pytest.approx(usd + 0.01)


def test_a_price_that_is_not_said_is_that_of_the_whole():
    rates = Rates(input_mtok=1.0, output_mtok=2.0)
    usage = Usage(
        input_tokens=M,
        output_tokens=M,
        cache_read_tokens=M,
        reasoning_tokens=M,
        modalities=Modalities(input_audio_tokens=M, output_audio_tokens=M),
    )
    assert rates.cost(usage) == 3.0


@pytest.mark.parametrize(
    "usage",
    [
        Usage(),
        Usage(input_tokens=10, output_tokens=0, cache_read_tokens=11),
        Usage(input_tokens=10, output_tokens=1, reasoning_tokens=2),
        Usage(output_tokens=10, cache_read_tokens=5),
        Usage(input_tokens=10, reasoning_tokens=5),
        Usage(input_tokens=10, output_tokens=-1),
        Usage(input_tokens=10, output_tokens=0, cache_read_tokens=-1),
        Usage(input_tokens=10, output_tokens=0, modalities=Modalities(input_audio_tokens=11)),
        Usage(input_tokens=10, output_tokens=1, modalities=Modalities(output_audio_tokens=-1)),
        Usage(input_tokens=10, output_tokens=1, cache_read_tokens=5, modalities=Modalities(input_audio_tokens=5)),
        Usage(
            input_tokens=10,
            output_tokens=1,
            cache_read_tokens=9,
            modalities=Modalities(input_audio_tokens=5, cache_read_audio_tokens=6),
        ),
    ],
)
def test_counts_that_are_absent_or_contradict_each_other_have_no_cost(usage):
    assert RATES.cost(usage) is None


def test_above_a_threshold_all_of_a_calls_tokens_have_the_higher_price():
    rates = Rates(
        input_mtok=1.0, above=((200, Rates(input_mtok=4.0)), (100, Rates(input_mtok=2.0, output_mtok=1.0)))
    )
    assert [rates.cost(Usage(input_tokens=n, output_tokens=10)) for n in (100, 101, 201)] == [
        pytest.approx(100e-6),
        pytest.approx(202e-6 + 10e-6),
        pytest.approx(804e-6),
    ]
