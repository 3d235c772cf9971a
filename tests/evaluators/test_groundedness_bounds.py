"""Answers and documents that are too long to be read whole."""

import time

import pytest
from support.calls import call_with

from otel_llm.evaluate.kinds.loading import load_evaluators
from otel_llm_evaluators.groundedness.claims import claims

ABSURD = "The company was founded by Napoleon on Mars."
PRODUCTS = [f"The product number {number} of our catalogue costs {number + 100} euros." for number in range(60)]


@pytest.fixture(scope="module")
def groundedness():
    (evaluator,) = load_evaluators(["groundedness"])
    return evaluator


def evaluate(evaluator, sentences, documents):
    (result,) = evaluator.evaluate(call_with(answer=" ".join(sentences), documents=documents), {})
    return result


def with_one(sentences, place, other):
    return [*sentences[:place], other, *sentences[place + 1 :]]


@pytest.mark.parametrize("place", [0, 20, 30, 39])
def test_a_wrong_sentence_fails_wherever_it_stands(groundedness, place):
    documents = [" ".join(PRODUCTS[:40])]
    assert evaluate(groundedness, PRODUCTS[:40], documents).score == 1.0
    assert evaluate(groundedness, with_one(PRODUCTS[:40], place, ABSURD), documents).label == "fail"


@pytest.mark.parametrize("place", [5, 31, 55])
def test_a_wrong_number_fails_wherever_it_stands(groundedness, place):
    wrong = f"The product number {place} of our catalogue costs 999 euros."
    result = evaluate(groundedness, with_one(PRODUCTS, place, wrong), [" ".join(PRODUCTS)])
    assert result.label == "fail"
    assert wrong in result.explanation


ROOMS = [f"Room {number} is on floor {number % 7} and has {number + 3} chairs." for number in range(180)]
SAID_OTHERWISE = [
    f"There are {number + 3} chairs in room {number} on floor {number % 7}." for number in range(180)
]


@pytest.mark.parametrize("place", [0, 90, 179])
def test_one_absurd_sentence_among_180_is_found(groundedness, place):
    result = evaluate(groundedness, with_one(SAID_OTHERWISE, place, ABSURD), [" ".join(ROOMS)])
    assert result.label == "fail"
    assert ABSURD in result.explanation


def test_an_answer_of_which_not_all_was_read_does_not_pass(groundedness):
    paraphrased = [f"Our catalogue has product number {number} for {number + 100} euros." for number in range(40)]
    result = evaluate(groundedness, [*PRODUCTS[:20], *paraphrased], [" ".join(PRODUCTS)])
    assert result.label != "pass"
    assert "50 of 60 sentences read" in result.explanation


def test_of_long_documents_what_is_nearest_to_the_answer_is_read(groundedness):
    documents = [" ".join(ROOMS * 40), "The chef of the canteen is Julia Stein. She bakes on Mondays."]
    assert sum(map(len, documents)) > groundedness.manifest.options["max_characters"]
    right = evaluate(groundedness, ["The chef of the canteen is Julia Stein."], documents)
    assert (right.label, right.score) == ("partial", 1.0)
    assert "characters of the documents read" in right.explanation
    wrong = evaluate(groundedness, ["The chef of the canteen is Napoleon."], documents)
    assert wrong.label == "fail"
    assert "characters of the documents read" in wrong.explanation


def test_the_end_of_a_sentence_without_a_full_stop_is_read(groundedness):
    document = ", ".join(sentence.rstrip(".") for sentence in PRODUCTS[:40])
    assert evaluate(groundedness, [document], [document]).score == 1.0
    result = evaluate(groundedness, [f"{document}, and the company was founded on Mars"], [document])
    assert result.label == "fail"
    assert "“The product number 35" in result.explanation  # in its last part


@pytest.mark.parametrize(
    "piece",
    [
        "[",
        "[a](",
        "**",
        "(",
        "`",
        "|",
        "|-",
        "# ",
        "- [ ] ",
        "there is no ",
        "the context does not ",
        "I'm sorry ",
        "is not ",
        "sure, ",
        "if you ",
        ", but ",
        "according to the ",
        "Sources: ",
        "¹,",
        "【",
        "one ",
        "$",
        "1 ",
        "111 ",
    ],
)
def test_claims_are_found_in_time_that_grows_with_the_text(piece):
    started = time.thread_time()
    claims(piece * (200_000 // len(piece)))
    assert time.thread_time() - started < 5  # some tenths of a second
