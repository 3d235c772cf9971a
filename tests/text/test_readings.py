"""The readings of a text, and the places of their characters in the text."""

import random
import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_llm.text.readings import find_in_readings, is_plain, readings

SEPARATORS = "\u00a0\u1680\u2000\u2002\u2007\u2009\u200a\u202f\u205f\u3000"
HYPHENS = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"
UNSEEN = "\u00ad\u200b\u200c\u200d\u2060\ufeff\u200e\u202a"
DIGITS = "\uff10\u0660\u06f0\u0966\u09e6\u0e50\U0001d7ce\U0001d7ec"


def texts_of(text):
    return [reading for reading, _ in readings(text)]


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        *((f"12{space}34", "12 34") for space in SEPARATORS),
        *((f"12{hyphen}34", "12-34") for hyphen in HYPHENS),
        *((f"12{unseen}34", "1234") for unseen in UNSEEN),
        *(("".join(chr(ord(zero) + digit) for digit in range(10)), "0123456789") for zero in DIGITS),
        ("anna\uff20posteo\uff0enet", "anna@posteo.net"),
        ("anna@posteo。net", "anna@posteo.net"),
        ("anna%40posteo%2Enet", "anna@posteo.net"),
        ("a%C2%A0b", "a b"),
        ("anna\\u0040posteo.net", "anna@posteo.net"),
        ("a\\xa0b\\u{40}c\\U00000040d\\ud83d\\ude00", "a b@c@d😀"),
        ("anna&#64;posteo&period;net&#x20;&nbsp;x", "anna@posteo.net  x"),
        ("anna\\_berger\\@posteo.net", "anna_berger@posteo.net"),
    ],
)
def test_a_reader_sees_plain_characters(text, reading):
    assert reading in texts_of(text)


def test_escapes_inside_escapes_are_read():
    assert texts_of("a%252540b")[-1] == "a@b"
    assert texts_of('{\\\\\\"a\\\\\\": \\\\\\"b\\\\\\"}')[-1] == '{"a": "b"}'
    assert texts_of("a&amp;#64;b")[-1] == "a@b"


@pytest.mark.parametrize(
    "text",
    ["plain text, 100 of it", "fine — and “quoted” words\u2019 end…", "Grüße aus Köln",
     "今天天气很好。我们去公园。",
     "Привет, мир", "⚠️ ✅ 😀", "A \u2013 B", "x² m³", "1990s"],
)  # fmt: skip
def test_ordinary_texts_have_no_second_reading(text):
    assert texts_of(text) == []


def test_only_ascii_without_escapes_is_surely_plain():
    assert is_plain("some text")
    assert not any(map(is_plain, ("a\\b", "50%", "a & b", "é")))


def test_places_are_those_of_the_text():
    text = "see\u200b anna.ber\u200bger%40posteo.net\u00ad now"

    def find(reading):
        place = reading.find("anna.berger@posteo.net")
        return [(place, place + 22)] if place >= 0 else []

    ((start, end),) = find_in_readings(find, text)
    assert text[start:end] == "anna.ber\u200bger%40posteo.net"


ESCAPES = ["\\u0040", "%40", "%25", "&#64;", "&amp;", "\\", "\\n"]
PIECES = st.lists(
    st.sampled_from([*SEPARATORS, *HYPHENS, *UNSEEN, *DIGITS, *ESCAPES, "5", "a"]) | st.text(max_size=4),
    max_size=25,
).map("".join)


@given(PIECES)
def test_each_character_of_a_reading_has_its_place(text):
    for reading, span in readings(text):
        places = [span(index, index + 1) for index in range(len(reading))]
        assert all(0 <= start < end <= len(text) for start, end in places)
        assert all(before[1] <= after[0] for before, after in pairwise(places) if before != after)
        for character, (start, end) in zip(reading, places, strict=True):
            if text[start:end].isascii() and text[start:end].isalpha():
                assert character == text[start:end]


@pytest.mark.parametrize(
    "unit", ["5\u2014", "a\u200b", "\uff14", "%4", "%25", "&#6", "&am", "\\", "\\u00", "。a", "\\\\\\", "&amp;"]
)
def test_reading_takes_time_in_proportion_to_the_length(unit):
    def seconds(length):
        text = unit * (length // len(unit))
        best = float("inf")
        for _ in range(3):
            started = time.thread_time()
            list(readings(text))
            best = min(best, time.thread_time() - started)
        return best

    assert seconds(200_000) < 25 * seconds(25_000) + 0.02


def test_any_mixture_of_separators_and_digits_is_read():
    chooser = random.Random(7)
    for _ in range(200):
        zero, unseen = chooser.choice(["0", *DIGITS]), chooser.choice(["", *UNSEEN])
        text = "".join(
            chr(ord(zero) + int(each)) + unseen if each.isdigit() else chooser.choice(SEPARATORS + HYPHENS)
            for each in "4539 1488 0343 6467"
        )
        assert "4539148803436467" in "".join(character for character in texts_of(text)[0] if character.isdigit())
