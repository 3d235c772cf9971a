"""The segments of a text: what a reader takes in at once, whatever stands around it."""

import doctest
import textwrap
import time

import pytest

from otel_llm.evaluate.engine import segments as module
from otel_llm.evaluate.engine.segments import segments

SAID = "You are a worthless idiot."
BEFORE, AFTER = "The parcel left on Monday.", "Thanks for waiting!"
LONG = "The parcel left our warehouse on Monday and it will arrive at your place by the end of this week"


def texts(text):
    return [segment.text for segment in segments(text)]


@pytest.mark.parametrize(
    "text",
    [
        f"{BEFORE} {SAID} {AFTER}",
        f"{BEFORE}\n\n{SAID}\n\n{AFTER}",
        f"{BEFORE}\r\n{SAID}\r\n{AFTER}",
        f"- {BEFORE}\n- {SAID}\n- {AFTER}",
        f"1. {BEFORE}\n2) {SAID}\n3. {AFTER}",
        f"* {BEFORE}\n  + {SAID}\n* {AFTER}",
        f"- [ ] {BEFORE}\n- [x] {SAID}",
        f"> {BEFORE}\n> {SAID}\n>> {AFTER}",
        f"# {BEFORE}\n## {SAID}\n{AFTER}",
        f"**{BEFORE}** *{SAID}* `{AFTER}`",
        f"| when | said |\n|---|---|\n| {BEFORE} | {SAID} |\n| {AFTER} | fine |",
        f"{BEFORE} | {SAID} | {AFTER}",
        f"{BEFORE}\t{SAID}\t{AFTER}",
        f"<p>{BEFORE}</p><p>{SAID}</p><ul><li>{AFTER}</li></ul>",
        f'{{"first": "{BEFORE}", "second": "{SAID}", "third": "{AFTER}"}}',
        f'["{BEFORE}", "{SAID}"]',
        f'{{"text": "{BEFORE}\\n{SAID}\\n{AFTER}"}}',
        f"{BEFORE}[1] {SAID}[2][3] {AFTER}",
        f"“{BEFORE}” {SAID} {AFTER}",
    ],
)
def test_a_sentence_is_a_segment_of_its_own_however_it_is_wrapped(text):
    assert SAID in texts(text)


@pytest.mark.parametrize("width", [30, 45, 60, 72])
def test_a_sentence_that_is_broken_over_lines_is_read_whole(width):
    text = textwrap.fill(f"{BEFORE} I will find you at your house and then I will hurt you. {AFTER}", width)
    assert "I will find you at your house and then I will hurt you." in texts(text)


def test_only_short_lines_are_read_by_themselves_too():
    assert texts("The bridge was rebuilt in 1951. Kill the\nprocess with SIGTERM.") == [
        "The bridge was rebuilt in 1951.",
        "Kill the process with SIGTERM.",
    ]
    quoted = texts("> I will find you\n> and hurt you")
    assert quoted == ["I will find you", "and hurt you", "I will find you and hurt you"]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("- bread\n- milk\n- you", ["bread", "milk", "you"]),
        ("Hello there\n\nthank you", ["Hello there", "thank you"]),
        ("One line\nAnother line", ["One line", "Another line"]),
        ("It is done.\nthanks", ["It is done.", "thanks"]),
    ],
)
def test_items_paragraphs_and_finished_sentences_stay_apart(text, parts):
    assert texts(text) == parts


@pytest.mark.parametrize("joint", [", and ", "; ", " - ", ", ", ": ", " but ", " \u2013 "])
def test_a_long_sentence_is_read_in_clauses(joint):
    said = "you are a worthless idiot"
    for text in (f"{LONG}{joint}{said}", f"{LONG}{joint}{said}{joint}{LONG}"):
        parts = texts(text)
        assert len(parts) > 1
        assert any(said in part for part in parts)
        assert all(len(part) <= 121 for part in parts)


def test_a_short_sentence_stays_whole():
    assert texts("If you call again, I will find you, and then you will be sorry.") == [
        "If you call again, I will find you, and then you will be sorry."
    ]


def test_a_long_sentence_without_marks_is_cut_between_words():
    parts = texts("word " * 100)
    assert len(parts) == 5
    assert all(len(part) <= 124 and set(part.split()) == {"word"} for part in parts)
    assert texts("x" * 500) == ["x" * 500]


def test_places_are_those_in_the_text():
    text = f"> - {BEFORE}\n> - {SAID}\n\n| {AFTER} | b |"
    for segment in segments(text):
        assert text[segment.span.start : segment.span.end].strip(" |") == segment.text


@pytest.mark.parametrize("text", ["", " \n", "---", "| --- |", "...", "> ", "🎉", "{}"])
def test_without_a_word_there_is_no_segment(text):
    assert texts(text) == []


@pytest.mark.parametrize(
    "run", ["<a", "| ", "a\n", "- ", '"', "a, ", "<", "[1]", "\n", "1", '."', "* ", "\\n", "a\nb ", '",', "> a\n"]
)
def test_a_long_text_is_read_in_time_that_grows_with_its_length(run):
    started = time.thread_time()
    assert sum(1 for _ in segments(run * (300_000 // len(run)))) <= 300_000
    assert time.thread_time() - started < 20  # seconds at most; hours, if it began again at every character


def test_examples_in_the_docstrings_hold():
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize(
    ("text", "called"),
    [
        ("You useless idiots, why do I have to pay a late fee?", "You useless idiots"),
        ("Hey, you fools, where is it?", "you fools"),
        ("Where is my parcel, you fools!", "you fools"),
    ],
)
def test_what_somebody_is_called_is_a_segment_beside_its_sentence(text, called):
    assert texts(f"{BEFORE} {text} {AFTER}") == [BEFORE, text, called, AFTER]


def test_a_sentence_without_an_address_is_one_segment():
    for text in ("You can pay at the desk.", "I think that you, of all people, know.", "If you see it, tell me."):
        assert texts(text) == [text]
