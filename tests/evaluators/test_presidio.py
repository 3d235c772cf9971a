import sys

import pytest
from support.calls import call_with

from otel_llm.errors import MissingExtraError, ModelError
from otel_llm.evaluate.conformance.checks import (
    Subject,
    cases_are_enough,
    cases_come_out_right,
    faults,
    without_texts_nothing_applies,
)
from otel_llm.evaluate.definition.installed import evaluator_manifests
from otel_llm.evaluate.kinds.loading import load_evaluator, load_evaluators
from otel_llm_evaluators.presidio.evaluator import Presidio

(MANIFEST,) = (manifest for manifest in evaluator_manifests() if manifest.name == "presidio")


@pytest.fixture(scope="module")
def presidio():
    return load_evaluator(MANIFEST)


@pytest.mark.parametrize("one", [cases_are_enough, cases_come_out_right, without_texts_nothing_applies])
def test_presidio_passes_checks_of_every_evaluator(one, presidio, encoder):
    assert faults(one, Subject(presidio, encoder)) == []


def test_no_result_contains_a_value(presidio):
    results = presidio.evaluate(call_with(question="Mail anna.weber@gmail.com about 4111 1111 1111 1111."), {})
    assert results[0].explanation == "EMAIL_ADDRESS: 1 (characters 5-25); CREDIT_CARD: 1 (characters 32-51)"


def test_presidio_runs_only_where_it_is_named():
    assert "presidio" not in {evaluator.manifest.name for evaluator in load_evaluators(None)}


def test_without_the_extra_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "presidio_analyzer", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'otel-llm\[presidio\]'"):
        load_evaluators(["presidio"])


def test_a_model_that_is_not_installed_is_never_fetched():
    with pytest.raises(ModelError, match="python -m spacy download xx_no_such_model"):
        Presidio(MANIFEST.model_copy(update={"options": {"model": "xx_no_such_model"}}))


def test_entities_that_it_does_not_know_are_refused():
    with pytest.raises(ModelError, match="SHOE_SIZE"):
        Presidio(MANIFEST.model_copy(update={"options": {"entities": ["SHOE_SIZE"]}}))
