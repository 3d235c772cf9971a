import numpy as np
import pytest
from support.results import call

from otel_llm.errors import ModelError
from otel_llm.evaluate.engine.words import words
from otel_llm.evaluate.kinds.loading import load_evaluators
from otel_llm.genai.call import Message, Part
from otel_llm_evaluators.self_consistency.evaluator import (
    FEATURES,
    Choice,
    SelfConsistency,
    Sentence,
    compare,
    nearest_to,
)

[EVALUATOR] = load_evaluators(["self_consistency"])


def call_of(*choices):
    return call(output=tuple(Message("assistant", (Part("text", choice),)) for choice in choices))


@pytest.fixture
def evaluate(encoder):
    def evaluate(*choices, by=EVALUATOR):
        one = call_of(*choices)
        [result] = by.evaluate(one, encoder.encode(by.texts(one)))
        return result

    return evaluate


def other_options(**changed):
    manifest = EVALUATOR.manifest
    return manifest.model_copy(update={"options": {**manifest.options, **changed}})


def features(said, *other):
    meaning = np.array([1.0, 0.0], dtype=np.float32)
    sentence, *others = (Sentence(text, words(text), meaning) for text in (said, *other))
    choice = Choice(2, tuple(others))
    return dict(zip(FEATURES, compare(sentence, nearest_to(sentence, choice), choice), strict=True))


def test_choices_in_the_same_words_agree_wholly_whatever_their_order(evaluate):
    assert evaluate("It opens at 9. It costs 12 euros.", "It costs 12 euros! It opens at nine.").score == 1.0


def test_the_score_is_the_mean_over_the_pairs_of_choices(evaluate):
    opens = ["The library opens at 9.", "The library opens at 9.", "The library opens at 10."]
    apart = evaluate(opens[1], opens[2]).score
    assert evaluate(*opens).score == pytest.approx((1.0 + 2 * apart) / 3)


def test_the_order_of_the_choices_changes_nothing(evaluate):
    choices = ["The library opens at 9.", "It opens at 10. It is free.", "Opening is at 9 am."]
    assert evaluate(*choices).score == pytest.approx(evaluate(*reversed(choices)).score)


def test_the_explanation_quotes_the_sentences_that_disagree_with_the_numbers_of_their_choices(evaluate):
    result = evaluate("A ticket costs 12 euros. Children go free.", "Children go free. A ticket costs 15 euros.")
    assert result.label == "fail"
    assert result.explanation.startswith("1 of 1 pairs of choices disagree: ")
    assert "choice 1 “A ticket costs 12 euros.”" in result.explanation
    assert "choice 2 “A ticket costs 15 euros.”" in result.explanation
    assert "Children" not in result.explanation


def test_a_choice_without_text_keeps_the_numbers_of_the_others(evaluate):
    result = evaluate("...", "A ticket costs 12 euros.", "A ticket costs 15 euros.")
    assert "choice 2 “" in result.explanation
    assert "choice 3 “" in result.explanation


def test_what_only_one_choice_says_counts_less_than_a_contradiction(evaluate):
    said = "The library opens at 9."
    more = evaluate(said, f"{said} Its roof was renewed by a firm from Graz.").score
    other = evaluate(said, "The library opens at 10.").score
    assert 1 > more >= 0.5 > other


@pytest.mark.parametrize(("one", "other"), [("Yes.", "No."), ("Canberra.", "Sydney"), ("12 euros", "15 dollars")])
def test_bare_answers_without_a_common_word_contradict_each_other(evaluate, one, other):
    assert evaluate(one, other).score == 0.0
    assert evaluate(one, one.upper()).score == 1.0


def test_a_single_choice_is_not_read(evaluate):
    assert evaluate("The library opens at 9.").label == "not_applicable"
    assert list(EVALUATOR.texts(call_of("The library opens at 9.", "🎉"))) == []


def test_work_is_bounded_by_the_options():
    bounded = SelfConsistency(other_options(max_choices=2, max_sentences=3, max_characters=40))
    texts = bounded.texts(call_of(*["One is odd. Two is even. Three is odd. Four is even."] * 3))
    assert texts == ["One is odd.", "Two is even.", "Three is odd."] * 2


def test_choices_of_which_not_all_was_read_do_not_pass(evaluate):
    said = " ".join(f"Room {number} has {number + 3} chairs." for number in range(12))
    result = evaluate(f"{said} It opens at 9.", f"{said} It is closed for ever.")
    read, whole = 2 * len(said), 2 * len(said) + len(" It opens at 9.") + len(" It is closed for ever.")
    assert (result.label, result.score) == ("partial", 1.0)
    assert result.explanation == f"{read} of {whole} characters of the choices read"
    assert evaluate(*[said] * 6).label == "partial"
    assert evaluate(said, said).label == "pass"


def test_a_number_is_missing_or_another_one_stands_in_its_place():
    same, gone, other = (features("It opens at 9.", f"It opens {rest}.") for rest in ("at nine", "soon", "at 10"))
    assert [each["number_missing"] for each in (same, gone, other)] == [0, 1, 1]
    assert [each["another_number"] > 0 for each in (same, gone, other)] == [False, False, True]


def test_a_name_is_missing_or_another_one_stands_in_its_place():
    others = ("The head is absent.", "The head is Eve.", "The new head is Eve.", "Eve Ray is head.")
    found = [features("The head is Ada.", other) for other in others]
    assert [each["name_missing"] for each in found] == [1, 1, 1, 1]
    assert [each["another_name"] for each in found] == [0, 1, 0, 1]


def test_negation_is_compared_with_the_nearest_sentence():
    found = features("Dogs are allowed here.", "Cats sleep a lot.", "Dogs are not allowed here.")
    assert (found["negated_unlike"], found["covered"], found["covered_nearest"]) == (1, 1, 1)


@pytest.mark.parametrize("weights", [{}, {**dict.fromkeys(FEATURES, 1.0), "length": 1.0}])
def test_weights_of_other_features_are_refused(weights):
    with pytest.raises(ModelError, match=r"options\.weights must have the keys similarity, .*python -m recipes"):
        SelfConsistency(other_options(weights=weights))


def test_an_option_out_of_its_range_is_refused():
    with pytest.raises(ModelError, match=r"options\.max_choices.*greater than or equal to 2"):
        SelfConsistency(other_options(max_choices=1))
