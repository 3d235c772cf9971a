"""Checks that every installed evaluator passes, whatever it is."""

import pytest

from otel_llm.evaluate.conformance.checks import CHECKS, Subject, faults
from otel_llm.evaluate.kinds.loading import load_evaluators

EVALUATORS = load_evaluators(None)


@pytest.fixture(scope="session")
def subjects(encoder):
    return {evaluator.manifest.name: Subject(evaluator, encoder) for evaluator in EVALUATORS}


@pytest.fixture(params=EVALUATORS, ids=lambda evaluator: evaluator.manifest.name)
def evaluator(request):
    return request.param


def test_the_bundled_evaluators_are_found():
    assert {"toxicity", "groundedness"} <= {evaluator.manifest.name for evaluator in EVALUATORS}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_every_evaluator_passes(check, evaluator, subjects):
    assert faults(check, subjects[evaluator.manifest.name]) == []


def test_a_card_of_weights_says_how_to_make_them_anew(evaluator):
    if not evaluator.manifest.files:
        return
    card = (evaluator.manifest.folder / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert f"python -m recipes.{evaluator.manifest.name}" in card
