"""Evaluators that raise, hang or lie, behind their guard."""

import dataclasses
import math
import threading

import pytest
from moods import failing, fine
from support.calls import call_with

from otel_llm.config.evaluate import EvaluateSettings
from otel_llm.evaluate.definition.manifest import EvaluatorManifest
from otel_llm.evaluate.definition.scoring import score_result
from otel_llm.evaluate.run.guarded import Guarded

MANIFEST = EvaluatorManifest(
    folder="/nowhere",
    name="moody",
    version="1",
    kind="python",
    code="a:B",
    targets=["output"],
    scores="x",
    threshold=1,
)
CALL = call_with(answer="Hello")


class Moody:
    """Does what it is told, in `evaluate`."""

    manifest = MANIFEST

    def __init__(self, mood):
        self.mood = mood
        self.asked = 0

    def texts(self, call):
        return ["a text"]

    def evaluate(self, call, encodings):
        self.asked += 1
        self.mood()
        return [score_result(self.manifest, call, "output", 0.5, str)]


def guarded(evaluator, **settings):
    return Guarded(evaluator, EvaluateSettings(**{"timeout_s": 20, "cool_down_s": 1000, **settings}))


def outcome(guard):
    (result,) = guard.results(guard.prepare(CALL), {})
    return result.error_type or result.label


def test_what_an_evaluator_returns_comes_through():
    guard = guarded(Moody(fine))
    assert guard.prepare(CALL).texts == ("a text",)
    assert outcome(guard) == "pass"
    guard.close()


def test_an_evaluator_that_hangs_is_given_up_and_not_asked_again_while_its_thread_lives(caplog):
    release, hung = threading.Event(), threading.Event()

    def hanging():
        hung.set()
        assert release.wait(20)

    evaluator = Moody(hanging)
    guard = guarded(evaluator, timeout_s=1)
    assert outcome(guard) == "TimeoutError"
    assert hung.is_set()
    threads = threading.active_count()
    assert [outcome(guard) for _ in range(20)] == ["CircuitOpenError"] * 20
    assert threading.active_count() == threads
    assert evaluator.asked == 1
    assert len(caplog.records) == 1  # nothing more for those that were left out
    assert "moody gave up on span 0000000000000001 of trace" in caplog.text

    evaluator.mood = fine
    release.set()
    while guard.open:
        pass
    assert outcome(guard) == "pass"
    guard.close()


def test_an_evaluator_that_keeps_failing_is_left_out_and_that_is_said_once(caplog):
    evaluator = Moody(failing)
    guard = guarded(evaluator, max_failures=3)
    assert [outcome(guard) for _ in range(3)] == ["ZeroDivisionError"] * 3
    assert [outcome(guard) for _ in range(10)] == ["CircuitOpenError"] * 10
    assert evaluator.asked == 3
    assert [record.message for record in caplog.records if "in a row" in record.message] == [
        "moody: failed 3 times in a row, at last with ZeroDivisionError:"
        " it is left out, and tried again every 1000 s"
    ]
    guard.close()


def test_what_was_read_before_the_circuit_opened_is_evaluated_and_the_next_call_is_left_out():
    evaluator = Moody(failing)
    guard = guarded(evaluator, max_failures=1)
    readings = [guard.prepare(CALL) for _ in range(3)]
    types = [guard.results(reading, {})[0].error_type for reading in readings]
    assert types == ["ZeroDivisionError"] * 3
    assert outcome(guard) == "CircuitOpenError"
    assert evaluator.asked == 3
    guard.close()


def test_texts_that_fail_are_not_in_a_row_where_good_calls_lie_between():
    evaluator = Moody(fine)
    turns = iter([True, False] * 4)
    evaluator.texts = lambda call: failing() if next(turns) else []
    guard = guarded(evaluator, max_failures=2)
    readings = [guard.prepare(CALL) for _ in range(8)]
    results = [guard.results(reading, {})[0] for reading in readings]
    assert [result.error_type or result.label for result in results] == ["ZeroDivisionError", "pass"] * 4
    assert not guard.open
    guard.close()


def test_as_many_calls_may_hang_as_the_settings_allow():
    release = threading.Event()
    evaluator = Moody(lambda: release.wait(20))
    guard = guarded(evaluator, timeout_s=0.2, max_hanging=2)
    assert outcome(guard) == "TimeoutError"
    evaluator.mood = fine
    assert outcome(guard) == "pass"
    evaluator.mood = lambda: release.wait(20)
    assert [outcome(guard) for _ in range(2)] == ["TimeoutError", "CircuitOpenError"]
    release.set()
    guard.close()


def test_after_the_cool_down_one_call_is_tried_and_decides():
    evaluator = Moody(failing)
    guard = guarded(evaluator, max_failures=1, cool_down_s=0)
    assert outcome(guard) == "ZeroDivisionError"
    assert outcome(guard) == "ZeroDivisionError"  # the trial
    evaluator.mood = fine
    assert outcome(guard) == "pass"
    assert not guard.open
    guard.close()


def test_an_evaluator_that_wants_to_end_the_process_fails_alone():
    def leaving():
        raise SystemExit

    guard = guarded(Moody(leaving))
    assert outcome(guard) == "SystemExit"
    guard.close()


@pytest.mark.parametrize("returned", [None, [], ["pass"], "pass", [None, None]])
def test_results_that_are_none_are_an_error(returned):
    evaluator = Moody(fine)
    evaluator.evaluate = lambda call, encodings: returned
    guard = guarded(evaluator)
    assert outcome(guard) == "TypeError"
    guard.close()


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ({"score": math.nan}, r"moody: score must be a float in \[0, 1\] with pass, got nan"),
        ({"score": 1.5}, "score must be"),
        ({"score": "0.5"}, "score must be"),
        ({"score": None}, "score must be"),
        ({"label": "not_applicable"}, "score must be None with not_applicable, got 0.5"),
        ({"label": "good"}, "label must be one of pass, partial, fail, not_applicable, error, got 'good'"),
        ({"evaluator": "other"}, "evaluator must be 'moody', got 'other'"),
        ({"version": "2"}, "version must be '1', got '2'"),
        ({"call": call_with(answer="Another")}, "call must be the call that was given"),
        ({"explanation": 3}, "explanation must be a text or None, got 3"),
    ],
)
def test_a_result_with_a_wrong_field_is_an_error_that_names_it(field, message, caplog):
    evaluator = Moody(fine)
    result = dataclasses.replace(score_result(MANIFEST, CALL, "output", 0.5, str), **field)
    evaluator.evaluate = lambda call, encodings: [result]
    guard = guarded(evaluator)
    assert outcome(guard) == "ValueError"
    (record,) = caplog.records
    with pytest.raises(ValueError, match=message):
        raise record.exc_info[1]
    guard.close()


@pytest.mark.parametrize("returned", [None, "a text", [1]])
def test_texts_that_are_none_are_an_error(returned):
    evaluator = Moody(fine)
    evaluator.texts = lambda call: returned
    guard = guarded(evaluator)
    assert guard.prepare(CALL).texts == ()
    assert outcome(guard) == "TypeError"
    guard.close()
