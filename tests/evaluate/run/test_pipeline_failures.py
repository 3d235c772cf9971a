"""A pipeline with an evaluator that raises or hangs, and one that is closed or interrupted meanwhile."""

import dataclasses
import logging
import os
import signal
import threading
from concurrent.futures import CancelledError

import pytest
from support.calls import call_with

from otel_llm.config.evaluate import EvaluateSettings
from otel_llm.evaluate.kinds.loading import load_evaluators
from otel_llm.evaluate.run.pipeline import Pipeline


class Broken:
    """Cannot take the calls 2 and 3."""

    def __init__(self):
        (self._toxicity,) = load_evaluators(["toxicity"])
        self.manifest = self._toxicity.manifest.model_copy(update={"name": "broken"})

    def texts(self, call):
        if call.span_id.endswith("2"):
            raise LookupError("no texts")
        return self._toxicity.texts(call)

    def evaluate(self, call, encodings):
        if call.span_id.endswith("3"):
            raise ZeroDivisionError
        results = self._toxicity.evaluate(call, encodings)
        return [dataclasses.replace(result, evaluator=self.manifest.name) for result in results]


def test_an_evaluator_that_raises_costs_its_own_result_alone(encoder, caplog):
    pipeline = Pipeline([Broken(), *load_evaluators(["toxicity"])], encoder, None)
    with caplog.at_level(logging.ERROR):
        results = pipeline.evaluate([call_with(question="Hello", number=number) for number in (1, 2, 3)]).results
    failed = [result for result in results if result.label == "error"]
    assert [(r.call.span_id[-1], r.evaluator, r.target, r.score, r.error_type) for r in failed] == [
        ("2", "broken", "input", None, "LookupError"),
        ("2", "broken", "output", None, "LookupError"),
        ("3", "broken", "input", None, "ZeroDivisionError"),
        ("3", "broken", "output", None, "ZeroDivisionError"),
    ]
    assert len(results) == 12
    assert "broken failed on span" in caplog.text


def test_an_evaluator_that_hangs_costs_the_others_nothing(encoder):
    release = threading.Event()

    class Hanging(Broken):
        def evaluate(self, call, encodings):
            assert release.wait(20)
            return super().evaluate(call, encodings)

    pipeline = Pipeline([Hanging(), *load_evaluators(["toxicity"])], encoder, None, EvaluateSettings(timeout_s=2))
    results = pipeline.evaluate([call_with(question="Hello", number=number) for number in (4, 5)]).results
    release.set()
    assert [(r.call.span_id[-1], r.evaluator, r.error_type) for r in results if r.target == "input"] == [
        ("4", "broken", "TimeoutError"),
        ("4", "toxicity", None),
        ("5", "broken", "CircuitOpenError"),
        ("5", "toxicity", None),
    ]
    pipeline.close()


@pytest.fixture
def two_that_wait(encoder):
    """A pipeline of two threads with two evaluators that wait, once they began, until they are released."""
    begun, release = threading.Barrier(3), threading.Event()

    class Waiting(Broken):
        def __init__(self, name):
            super().__init__()
            self.manifest = self.manifest.model_copy(update={"name": name})

        def texts(self, call):
            return []

        def evaluate(self, call, encodings):
            if not release.is_set():
                begun.wait(20)
                assert release.wait(20)
            return []

    yield Pipeline([Waiting("a"), Waiting("b")], encoder, None, EvaluateSettings(threads=2)), begun, release
    release.set()


CALLS = [call_with(question="Hello", number=number) for number in (4, 5)]


def test_a_pipeline_that_is_closed_gives_up_at_once_and_says_nothing(two_that_wait, caplog):
    pipeline, begun, _ = two_that_wait

    def close():
        begun.wait(20)
        pipeline.close()

    closing = threading.Thread(target=close)
    closing.start()
    with pytest.raises(CancelledError):
        pipeline.evaluate(CALLS)
    closing.join()
    assert caplog.records == []


def test_after_ctrl_c_several_threads_take_the_next_batch(two_that_wait, caplog):
    pipeline, begun, release = two_that_wait

    def interrupt():
        begun.wait(20)
        os.kill(os.getpid(), signal.SIGINT)

    interrupting = threading.Thread(target=interrupt)
    interrupting.start()
    with pytest.raises(KeyboardInterrupt):
        pipeline.evaluate(CALLS)
    interrupting.join()
    assert caplog.records == []
    release.set()
    assert {result.error_type for result in pipeline.evaluate(CALLS).results} == {"TypeError"}  # of no results
    pipeline.close()
