"""Near duplicates are found whatever their case, marks and numbers; what only shares a few words is kept."""

import random

import pytest

from recipes.dedupe import normalised, without_near_duplicates

WORDS = [f"{first}{second}" for first in ("ba", "do", "ki", "lu", "me", "no") for second in "bcdfghjklmnp"]


def text(seed, words=40):
    return " ".join(random.Random(seed).choices(WORDS, k=words))


def changed(original, *places):
    words = original.split()
    for place in places:
        words[place] = "changed"
    return " ".join(words)


def jaccard(one, other):
    runs = [{tuple(words[n : n + 5]) for n in range(len(words) - 4)} for words in (one.split(), other.split())]
    return len(runs[0] & runs[1]) / len(runs[0] | runs[1])


def test_case_marks_accents_form_and_numbers_do_not_tell_texts_apart():
    assert normalised("\uff34he  price: 1,299.50 €, isn't it?") == "the price 0 0 0 isn t it"
    assert normalised("Café") == normalised("Cafe\u0301")


@pytest.mark.parametrize("other", ["You are an IDIOT!!!", "you are, an idiot", "  You are an\nidiot."])
def test_the_same_words_are_a_duplicate_however_short(other):
    assert without_near_duplicates([other, "you are an artist"], ["You are an idiot"]) == [1]


def test_one_changed_word_at_the_end_of_a_long_text_is_a_duplicate_and_many_are_none():
    original = text(1)
    near, far = changed(original, 39), changed(original, 5, 15, 25, 35)
    assert jaccard(near, original) > 0.9
    assert jaccard(far, original) < 0.5

    assert without_near_duplicates([near, far], [original]) == [1]


def test_the_border_is_the_given_index():
    original = text(2)
    near = changed(original, 20)
    index = jaccard(near, original)

    assert without_near_duplicates([near], [original], jaccard=index - 0.01) == []
    assert without_near_duplicates([near], [original], jaccard=index + 0.01) == [0]


def test_every_near_duplicate_among_many_texts_is_found_and_no_other_text():
    others = [text(seed) for seed in range(600)]
    near = [changed(other, 0) for other in others[:300]]
    fresh = [text(seed) for seed in range(1000, 1300)]

    assert without_near_duplicates([*near, *fresh], others) == list(range(300, 600))


def test_a_text_that_holds_the_other_among_much_else_is_kept():
    assert without_near_duplicates([f"{text(3)} {text(4)}"], [text(3)]) == [0]


def test_texts_without_words_are_kept():
    assert without_near_duplicates(["", "?!", "😀"], ["", "...", "fine"]) == [0, 1, 2]


def test_nothing_to_compare_with_keeps_all():
    assert without_near_duplicates(["one", "two"], []) == [0, 1]
    assert without_near_duplicates([], ["one"]) == []


def test_the_counts_are_logged(caplog):
    with caplog.at_level("INFO", logger="recipes.dedupe"):
        without_near_duplicates([text(5), changed(text(5), 39), "another"], [text(5)])

    assert caplog.messages == ["2 of 3 texts left out: 1 are the same as one of 1 others, 1 nearly"]
