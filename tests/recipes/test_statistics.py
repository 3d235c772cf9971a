"""Figures and their intervals, against plain loops and known values; scikit-learn gives the same."""

import numpy as np
import pytest

from recipes.statistics import auc_difference, estimates


@pytest.fixture(scope="module")
def rows():
    random = np.random.default_rng(3)
    positive = random.random(300) < 0.3
    # rounded, so that there are ties
    scores = np.clip(0.3 + 0.25 * positive + random.normal(0, 0.2, 300), 0, 1).round(2)
    return scores, positive


def area(scores, positive):
    above = scores[positive][:, None] - scores[~positive]
    return ((above > 0) + (above == 0) / 2).mean()


def test_the_auc_is_the_share_of_pairs_in_order_with_ties_as_half(rows):
    assert estimates(*rows, rows[0] >= 0.5)["roc_auc"].value == pytest.approx(area(*rows))


def test_average_precision_of_a_known_ranking():
    found = estimates([0.9, 0.8, 0.7, 0.6], [True, False, True, False], [True, True, False, False])

    assert found["average_precision"].value == pytest.approx((1 / 1 + 2 / 3) / 2)


def test_the_figures_at_the_threshold_come_from_the_flags():
    positive = np.repeat([True, True, False, False], [3, 1, 2, 4])
    flagged = np.repeat([True, False, True, False], [3, 1, 2, 4])

    found = {name: each.value for name, each in estimates(np.full(10, 0.5), positive, flagged).items()}

    assert found["recall"] == pytest.approx(3 / 4)
    assert found["precision"] == pytest.approx(3 / 5)
    assert found["f1"] == pytest.approx(2 / 3)
    assert found["false_positive_rate"] == pytest.approx(2 / 6)
    assert found["balanced_accuracy"] == pytest.approx((3 / 4 + 4 / 6) / 2)
    assert found["roc_auc"] == pytest.approx(0.5)
    assert found["brier"] == pytest.approx(0.25)
    assert found["calibration_error"] == pytest.approx(0.1)


def test_calibrated_scores_have_a_small_calibration_error_and_overconfident_ones_a_large_one():
    random = np.random.default_rng(5)
    truth = random.random(4000)
    positive = random.random(4000) < truth
    sharp = np.clip((truth - 0.5) * 3 + 0.5, 0, 1)

    assert estimates(truth, positive, truth > 0.5)["calibration_error"].value < 0.03
    assert estimates(sharp, positive, truth > 0.5)["calibration_error"].value > 0.1


def test_the_order_of_the_rows_changes_nothing_but_the_draw(rows):
    scores, positive = rows
    order = np.random.default_rng(1).permutation(len(scores))

    there, back = (estimates(s, p, s >= 0.5) for s, p in ((scores, positive), (scores[order], positive[order])))

    assert {name: each.value for name, each in there.items()} == pytest.approx(
        {name: each.value for name, each in back.items()}
    )


def test_the_interval_is_that_of_resampling_row_by_row(rows):
    scores, positive = rows
    random = np.random.default_rng(9)
    draws = [random.integers(len(scores), size=len(scores)) for _ in range(400)]
    low, high = np.quantile([area(scores[draw], positive[draw]) for draw in draws], [0.025, 0.975])

    found = estimates(*rows, rows[0] >= 0.5)["roc_auc"]

    assert (found.low, found.high) == pytest.approx((low, high), abs=0.012)
    assert found.low < found.value < found.high


def test_rows_that_repeat_a_document_do_not_narrow_its_interval(rows):
    scores, positive = rows
    once = estimates(scores, positive, scores >= 0.5)["roc_auc"]
    copied = [np.tile(each, 5) for each in (scores, positive, scores >= 0.5)]

    grouped = estimates(*copied, groups=list(range(len(scores))) * 5)["roc_auc"]
    apart = estimates(*copied)["roc_auc"]

    assert (grouped.low, grouped.high) == pytest.approx((once.low, once.high))
    assert apart.high - apart.low < 0.6 * (once.high - once.low)


def test_the_same_rows_give_the_same_interval_again(rows):
    assert estimates(*rows, rows[0] >= 0.5) == estimates(*rows, rows[0] >= 0.5)


def test_what_needs_both_classes_is_left_out_where_there_is_one():
    benign = estimates([0.1, 0.2, 0.3], [False] * 3, [False, False, True])
    ungrounded = estimates([0.1, 0.2, 0.3], [True] * 3, [False, False, True])

    assert set(benign) == {"false_positive_rate", "calibration_error", "brier"}
    assert set(ungrounded) == {"recall", "precision", "calibration_error", "brier"}


def test_no_false_positive_among_few_rows_still_has_an_upper_limit():
    none = estimates([0.1] * 600, [False] * 600, [False] * 600)["false_positive_rate"]
    few = estimates([0.1] * 600, [False] * 600, [False] * 600, groups=[n // 100 for n in range(600)])

    assert (none.value, none.low) == (0, 0)
    assert none.high == pytest.approx(0.00613, abs=1e-5)  # Clopper and Pearson, 0 of 600
    assert few["false_positive_rate"].high == pytest.approx(0.459, abs=1e-3)  # 0 of 6


def test_the_difference_of_two_scorings_is_paired(rows):
    scores, positive = rows
    noise = np.random.default_rng(2).normal(0, 0.01, len(scores))
    others = np.clip(scores + noise, 0, 1)

    same = auc_difference(scores, scores, positive)
    near = auc_difference(scores, others, positive)

    assert (same.value, same.low, same.high) == (0, 0, 0)
    assert near.value == pytest.approx(area(scores, positive) - area(others, positive))
    assert near.high - near.low < 0.03


@pytest.mark.parametrize("scores", [[], [0.5], [0.5, 1.2], [0.5, float("nan")]])
def test_scores_that_are_no_probabilities_or_not_as_many_as_labels_are_refused(scores):
    with pytest.raises(ValueError, match="scores: must be"):
        estimates(scores, [True, False], [True, False])
