import pytest
from support.calls import call_with

from otel_llm.config.evaluate import DriftSettings, EvaluateSettings
from otel_llm.evaluate.run.pipeline import Pipeline

CALLS = [call_with(question="Hello", answer="Hi", number=number, service=f"s{number}") for number in (1, 2, 3)]
NOTHING: frozenset[str] = frozenset()


@pytest.fixture
def pipeline():
    pipeline = Pipeline.load(EvaluateSettings(evaluators=("toxicity", "pii"), drift=DriftSettings(window=4)))
    yield pipeline
    pipeline.close()


def evaluators(results):
    return [(result.call.service, result.evaluator) for result in results if result.target == "input"]


def test_each_call_is_seen_by_its_evaluators_alone(pipeline):
    selected = [frozenset({"pii", "drift"}), NOTHING, frozenset({"toxicity", "pii", "not loaded"})]
    evaluation = pipeline.evaluate(CALLS, selected)
    assert evaluators(evaluation.results) == [("s1", "pii"), ("s3", "pii"), ("s3", "toxicity")]
    assert [state.service for state in pipeline.drift_states()] == ["s1"]
    assert set(evaluation.durations_s) == {"pii", "toxicity", "encoder", "drift"}


def test_results_are_those_of_an_evaluation_by_all(pipeline):
    everything = frozenset({"toxicity", "pii", "drift"})
    assert pipeline.evaluate(CALLS, [everything] * 3).results == pipeline.evaluate(CALLS).results


def test_an_evaluator_that_sees_no_call_takes_no_time(pipeline):
    evaluation = pipeline.evaluate(CALLS, [frozenset({"pii"})] * 3)
    assert set(evaluation.durations_s) == {"pii", "encoder"}
    assert (pipeline.cache.hits, pipeline.cache.misses) == (0, 0)


def test_calls_for_which_nothing_is_selected_cost_nothing(pipeline):
    evaluation = pipeline.evaluate(CALLS, [NOTHING] * 3)
    assert (evaluation.results, evaluation.durations_s) == ([], {})
    assert (pipeline.cache.hits, pipeline.cache.misses, pipeline.drift_states()) == (0, 0, [])


def test_a_batch_that_fails_has_errors_of_those_that_were_selected(pipeline):
    failed = pipeline.failed(CALLS, ValueError(), [frozenset({"pii"}), NOTHING, frozenset({"toxicity"})])
    assert evaluators(failed.results) == [("s1", "pii"), ("s3", "toxicity")]
    assert {result.label for result in failed.results} == {"error"}


def test_there_is_a_selection_for_each_call(pipeline):
    with pytest.raises(ValueError, match="zip"):
        pipeline.evaluate(CALLS, [NOTHING])
