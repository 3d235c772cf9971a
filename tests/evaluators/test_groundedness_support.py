"""Ordinary answers of a support assistant: the share of right ones that fail, and of wrong ones that pass."""

import tomllib
from pathlib import Path

import pytest
from support.calls import call_with

from otel_llm.evaluate.kinds.loading import load_evaluators

ANSWERS = Path(__file__).parents[2] / "evaluators" / "recipes" / "support_answers.toml"
CASES = tomllib.loads(ANSWERS.read_text(encoding="utf-8"))["case"]

VACUUM = (
    "The filter must be washed monthly in cold water and dried for 24 hours. The warranty lasts two years;"
    " accidental drops and water damage are excluded.",
    "Sale items are final. Unused items can be returned within 30 days of delivery, in their original packaging.",
)


@pytest.fixture(scope="module")
def groundedness():
    (evaluator,) = load_evaluators(["groundedness"])
    return evaluator


def fails(evaluator, answer, documents):
    (result,) = evaluator.evaluate(call_with(answer=answer, documents=documents), {})
    return result.label == "fail"


@pytest.mark.parametrize("part", ["development", "measuring"])
def test_few_right_answers_fail_and_most_wrong_ones_do(groundedness, part):
    cases = [case for case in CASES if case["part"] == part]
    right = [fails(groundedness, answer, case["documents"]) for case in cases for answer in case["right"]]
    wrong = [fails(groundedness, answer, case["documents"]) for case in cases for answer in case["wrong"]]
    assert len(right) >= 30
    assert len(wrong) >= 30
    assert sum(right) <= 0.25 * len(right)
    assert sum(wrong) >= 0.55 * len(wrong)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("Wash the filter once a month in cold water and let it dry for a full day.",
         "Wash the filter once a week in cold water and let it dry for a full day."),
        ("The warranty lasts two years, and accidental drops and water damage are excluded [1].",
         "The warranty lasts five years, and accidental drops and water damage are excluded [1]."),
        ("I'm sorry, but sale items are final.", "I'm sorry, but sale items are sent back for free."),
        ("Here is the policy:\n\n- Items must be unused.\n- You have 30 days.\n- Original packaging.",
         "Here is the policy:\n\n- Items must be unused.\n- You have 90 days.\n- Original packaging."),
        ("I don't have information about the colours in the documents.",
         "I don't have information about water damage in the documents."),
    ],
)  # fmt: skip
def test_support_answers_are_told_apart(groundedness, right, wrong):
    assert not fails(groundedness, right, VACUUM)
    assert fails(groundedness, wrong, VACUUM)
