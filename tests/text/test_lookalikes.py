# ruff: noqa: RUF001 - letters that look alike
"""Letters that look like Latin ones."""

import doctest
import time

import pytest

from otel_llm.text import lookalikes
from otel_llm.text.lookalikes import latin_lookalikes


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("Yоu аrе а wоrthless idiоt", "You are a worthless idiot"),
        ("Уоu аrе аn іdіоt", "You are an idiot"),
        ("yοu αre stυpιd", "you are stupid"),
        ("ｙｏｕ ｉｄｉｏｔ", "you idiot"),
        ("𝐲𝐨𝐮 𝕚𝕕𝕚𝕠𝕥 𝓱𝓪𝓱𝓪", "you idiot haha"),
        ("You are as dumb as а post", "You are as dumb as a post"),  # a word of one Cyrillic letter
        ("Привет, you mоrоn", "Привет, you moron"),
    ],
)
def test_letters_are_read_as_they_look(text, seen):
    assert latin_lookalikes(text) == seen
    assert len(seen) == len(text)


@pytest.mark.parametrize(
    "text",
    [
        "plain text",
        "Он сказал, что сосед хороший человек.",
        "сор",
        "Το πρωί είναι καλό, ευχαριστώ.",
        "Das Café kostet 5 €, naïve Ärzte zahlen mehr.",
        "Мост на реке, see the map",
        "日本語のテキスト",
        "μ = 0.5 and σ = 2",
    ],
)
def test_words_of_other_scripts_stay(text):
    assert latin_lookalikes(text) == text


@pytest.mark.parametrize("run", ["aа ", "а", "ａ", "é", "aа"])
def test_a_megabyte_is_read_in_a_moment(run):
    started = time.thread_time()
    latin_lookalikes(run * (1_000_000 // len(run)))
    assert time.thread_time() - started < 10


def test_examples_in_the_docstrings_hold():
    assert doctest.testmod(lookalikes).failed == 0
