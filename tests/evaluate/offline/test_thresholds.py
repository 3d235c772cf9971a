import pytest

from otel_llm.errors import ConfigError
from otel_llm.evaluate.offline.records import RecordResult
from otel_llm.evaluate.offline.tally import Tally
from otel_llm.evaluate.offline.thresholds import check, check_names, parse_condition

TARGETS = {"toxicity": ("input", "output"), "groundedness": ("output",)}


def tally(**scores):
    """Return a tally of scores by "evaluator_target"; a label stands where there is no score."""
    counted = Tally(TARGETS, {"toxicity": "above", "groundedness": "below"})
    for name, values in scores.items():
        evaluator, target = name.split("_")
        for number, value in enumerate(values):
            label = (
                value
                if isinstance(value, str)
                else "fail"
                if (value >= 0.5) == (evaluator == "toxicity")
                else "pass"
            )
            score = None if isinstance(value, str) else value
            counted.add(1, [RecordResult(number, evaluator, target, score, label, None)])
    return counted


SEEN = {
    "toxicity_input": [0.9, 0.9, 0.1, 0.1],
    "toxicity_output": [0.1, 0.2, 0.3, 0.6],
    "groundedness_output": [0.8, 0.9, "not_applicable", "error"],
}


@pytest.mark.parametrize(
    ("text", "holds", "figures"),
    [
        ("any", True, "toxicity 3 of 8 failed; groundedness 1 of 3 failed, 1 by an error"),
        ("any>3", False, "none of 2 evaluators"),
        ("any.input>1", True, "toxicity 2 of 4 failed"),
        ("any>35%", True, "toxicity 3 of 8 failed (37.5%)"),
        ("error", True, "1 of 12 results are errors"),
        ("error>10%", False, "1 of 12 results are errors (8.3%)"),
        ("toxicity", True, "3 of 8 failed"),
        ("toxicity.output", True, "1 of 4 failed"),
        ("toxicity.output>1", False, "1 of 4 failed"),
        ("toxicity.output >= 25 %", True, "1 of 4 failed (25.0%)"),
        ("toxicity.output>25%", False, "1 of 4 failed (25.0%)"),
        ("toxicity<4", True, "3 of 8 failed"),
        ("toxicity<=2", False, "3 of 8 failed"),
        ("groundedness>30%", True, "1 of 3 failed, 1 by an error (33.3%)"),
        ("toxicity:max>=0.9", True, "max 0.900 of 8 scores"),
        ("toxicity.output:max>=.8", False, "max 0.600 of 4 scores"),
        ("toxicity.output:mean>0.25", True, "mean 0.300 of 4 scores"),
        ("toxicity:min<0.1", False, "min 0.100 of 8 scores"),
        ("groundedness:mean<0.85", True, "mean 0.850 of 2 scores, of 3 results 1 is an error"),
        ("groundedness:max>=0.95", True, "max 0.900 of 2 scores, of 3 results 1 is an error"),
    ],
)
def test_a_condition_holds_by_its_figures(text, holds, figures):
    outcome = check(parse_condition(text), tally(**SEEN))
    assert (outcome.holds, outcome.figures) == (holds, figures)


@pytest.mark.parametrize("text", ["groundedness", "groundedness>50%", "groundedness:mean<0.1"])
def test_a_condition_holds_where_there_was_nothing_to_evaluate(text):
    outcome = check(parse_condition(text), tally(groundedness_output=["not_applicable"] * 3))
    assert (outcome.holds, outcome.figures) == (True, "nothing was evaluated, 3 not applicable")


def test_any_passes_over_evaluators_that_had_nothing_to_evaluate():
    outcome = check(parse_condition("any"), tally(groundedness_output=["not_applicable"], toxicity_output=[0.1]))
    assert (outcome.holds, outcome.figures) == (False, "none of 1 evaluator")
    assert check(parse_condition("any"), tally(groundedness_output=["not_applicable"])).holds


def test_scores_that_are_all_errors_do_not_pass():
    outcome = check(parse_condition("groundedness:mean<0.1"), tally(groundedness_output=["error"]))
    assert (outcome.holds, outcome.figures) == (True, "there is no score, all are errors")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' is no condition: write any, error, NAME"),
        ("toxicity>", "is no condition"),
        ("toxicity>-1", "is no condition"),
        ("toxicity:p95>0.5", "is no condition"),
        ("toxicity.both", "is no condition"),
        ("Toxicity", "is no condition"),
        ("toxicity>0.05", "a whole number of fails, or a share of them such as 5%, got 0.05"),
        ("toxicity>101%", "at most 100%, got 101%"),
        ("toxicity:max", "a score with a number from 0 to 1"),
        ("toxicity:max>80%", "a score with a number from 0 to 1"),
        ("toxicity:max>8", "a score with a number from 0 to 1"),
        ("any:max>0.8", "must name an evaluator: the scores of several have no max"),
        ("error:mean>0.8", "must name an evaluator"),
    ],
)
def test_what_is_no_condition_is_refused(text, message):
    with pytest.raises(ConfigError) as raised:
        parse_condition(text)
    assert message in str(raised.value)


def test_a_condition_must_name_what_runs():
    for text in ("any", "error>1%", "toxicity.input", "groundedness:min<0.1"):
        check_names([parse_condition(text)], TARGETS)
    with pytest.raises(
        ConfigError, match="'toxic' of 'toxic>1' must be an evaluator that runs: any, error, toxicity"
    ):
        check_names([parse_condition("toxic>1")], TARGETS)
    with pytest.raises(ConfigError, match="must name what groundedness scores, output, got input"):
        check_names([parse_condition("groundedness.input")], TARGETS)


def test_mean_and_median_are_those_of_the_scores():
    ((*_, row),) = tally(groundedness_output=[0.9, 0.1, 0.2, 0.4, 0.15]).rows("groundedness")
    assert row.scores.mean == pytest.approx(0.35)
    assert row.scores.median == pytest.approx(0.2, abs=5e-4)


def test_the_worst_are_kept_on_the_side_that_fails():
    counted = tally(groundedness_output=[0.4, 0.9, 0.1, 0.2, 0.1, 0.3], toxicity_input=[0.6, 0.7, 0.1, 0.9, 0.8])
    ((*_, below),) = counted.rows("groundedness")
    ((*_, above),) = counted.rows("toxicity", "input")
    assert [(result.id, result.score) for result in below.worst] == [(2, 0.1), (4, 0.1), (3, 0.2)]
    assert [result.score for result in above.worst] == [0.9, 0.8, 0.7]
