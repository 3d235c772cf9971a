import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.results import call

from otel_llm.evaluate.kinds.loading import load_evaluators

[EVALUATOR] = load_evaluators(["token_confidence"])


def evaluate(*logprobs):
    [result] = EVALUATOR.evaluate(call(logprobs=logprobs), {})
    return result


def test_the_score_is_the_geometric_mean_of_the_tokens_probabilities():
    result = evaluate(math.log(0.9), math.log(0.4), math.log(0.6))
    assert result.score == pytest.approx((0.9 * 0.4 * 0.6) ** (1 / 3))
    assert (result.label, result.explanation) == ("pass", None)


def test_without_log_probabilities_it_does_not_apply_and_no_text_is_read():
    assert evaluate().label == "not_applicable"
    assert list(EVALUATOR.texts(call(logprobs=(-1.0,)))) == []


def test_the_explanation_counts_unsure_tokens_and_names_the_least_sure_run():
    result = evaluate(*map(math.log, (0.9, 0.3, 0.9, 0.1, 0.2, 0.9, 0.3)))
    assert result.label == "fail"
    assert result.explanation == (
        "4 of 7 tokens had a probability below 0.5; least sure: tokens 3 to 4, counted from 0, of 0.14"
    )
    assert evaluate(math.log(0.25)).explanation.endswith("least sure: token 0, counted from 0, of 0.25")


@pytest.mark.parametrize("unknown", [-9999.0, -math.inf, -21.0])
def test_a_token_that_is_none_of_the_likeliest_counts_as_very_unlikely_and_no_more(unknown):
    assert evaluate(0.0, unknown).score == pytest.approx(math.exp(-10))


def test_rounding_above_zero_is_certainty():
    assert evaluate(1e-7, 0.0).score == 1.0


@pytest.mark.parametrize("wrong", [math.nan, 0.5, math.inf])
def test_what_cannot_be_a_log_probability_is_an_error_and_no_exception(wrong):
    result = evaluate(-0.1, wrong)
    assert (result.label, result.score, result.error_type) == ("error", None, "ValueError")


@given(st.lists(st.floats(max_value=0, allow_nan=False), min_size=1))
def test_any_log_probabilities_give_a_score_between_0_and_1(logprobs):
    result = evaluate(*logprobs)
    assert 0 <= result.score <= 1
    assert bool(result.explanation) == (result.label == "fail") == (result.score < EVALUATOR.manifest.threshold)
