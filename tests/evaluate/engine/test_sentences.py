import doctest
import time

import pytest

from otel_llm.evaluate.engine import sentences as module
from otel_llm.evaluate.engine.sentences import passages, sentences


def pieces(text, spans):
    return [text[start:end] for start, end in spans]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \n\t ", []),
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("No full stop", ["No full stop"]),
        ("It costs 4.50 euros. Cheap.", ["It costs 4.50 euros.", "Cheap."]),
        ("Mr. Smith, i.e. the owner, met J. Doe.", ["Mr. Smith, i.e. the owner, met J. Doe."]),
        ("- first point\n- second point\n\nEnd", ["- first point", "- second point", "End"]),
        ("He said “Stop.” Then he left.", ["He said “Stop.”", "Then he left."]),
        ("図書館は九時に開く。会費は十二ユーロ。", ["図書館は九時に開く。", "会費は十二ユーロ。"]),
        ("Great! 🎉 🎉", ["Great!"]),
    ],
)
def test_sentences_are_found_without_the_white_space_around_them(text, expected):
    assert pieces(text, sentences(text)) == expected


def test_passages_hold_whole_sentences_up_to_both_limits():
    text = "One. Two. Three. Four. A much longer fifth sentence that fills a passage. Six."
    assert pieces(text, passages(text, max_sentences=3, max_characters=40)) == [
        "One. Two. Three.",
        "Four.",
        "A much longer fifth sentence that fills a passage.",
        "Six.",
    ]


def test_a_megabyte_without_a_full_stop_is_one_sentence():
    text = "word " * 200_000
    assert len(sentences(text)) == 1


@pytest.mark.parametrize("run", ["." * 100_000, "!" * 100_000, ".”" * 50_000, "." + '"' * 100_000])
def test_a_run_of_punctuation_is_read_in_time_that_grows_with_its_length(run):
    text = f"Stop{run}x"
    started = time.thread_time()
    assert sentences(text) == [(0, len(text))]
    assert time.thread_time() - started < 5  # some milliseconds; minutes, if it began again at every character


@pytest.mark.parametrize("run", ["...", "?!", "!!!", "…”", ".)'"])
def test_a_run_of_punctuation_before_white_space_ends_one_sentence(run):
    text = f"Stop{run} Go on{run}"
    assert pieces(text, sentences(text)) == [f"Stop{run}", f"Go on{run}"]


def test_examples_in_the_docstrings_hold():
    assert doctest.testmod(module).failed == 0
