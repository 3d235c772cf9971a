import pytest
from support.demo_feed import drift, feed_line, result

from otel_llm.demo.state import GROUNDEDNESS, TOXICITY, State, percentile


def test_no_calls_have_no_totals():
    state = State()

    assert (state.errors, state.scored, state.input_tokens, state.cost_usd) == (0, 0, 0, 0)
    assert state.latency_s(50) is None
    assert state.drift_rise is None
    assert not state.drift_alarm


def test_a_line_becomes_a_call():
    call = State().add(
        feed_line(input="How late?", output="Very.", results=[result(TOXICITY, "output", "fail", 0.97)])
    )

    assert (call.question, call.answer, call.start_s) == ("How late?", "Very.", 1_800_000_000.5)
    assert call.results[TOXICITY, "output"].score == 0.97
    assert call.fails(TOXICITY)
    assert not call.fails(GROUNDEDNESS)
    assert call.scored


def test_what_the_service_does_not_know_is_empty():
    call = State().add(feed_line(model=None, input=None, output=None))

    assert (call.model, call.question, call.answer) == ("unknown", "", "")


def test_sums_leave_out_what_is_unknown():
    state = State()
    state.add(feed_line(input_tokens=100, output_tokens=7, cost_usd=0.25))
    state.add(feed_line(input_tokens=None, output_tokens=None, cost_usd=None, error_type="503"))

    assert (state.input_tokens, state.output_tokens, state.cost_usd, state.errors) == (100, 7, 0.25, 1)


def test_labels_are_counted_per_evaluator_and_side():
    state = State()
    for label, score in (("pass", 0.9), ("fail", 0.1), ("not_applicable", None), ("fail", 0.2)):
        state.add(feed_line(results=[result(GROUNDEDNESS, "output", label, score)]))

    assert state.labels(GROUNDEDNESS, "output") == {"pass": 1, "fail": 2, "not_applicable": 1}
    assert state.labels(GROUNDEDNESS, "input") == {}
    assert len(state.failing(GROUNDEDNESS)) == 2


def test_a_call_that_nothing_applies_to_is_not_scored():
    state = State()
    state.add(feed_line(results=[result(GROUNDEDNESS, "output", "not_applicable", None)]))

    assert state.scored == 0


def test_drift_rises_from_its_first_value_to_its_highest():
    state = State()
    for statistic, alarm in ((None, False), (0.2, False), (0.9, True), (0.7, True)):
        state.add(feed_line(drift=[drift(statistic=statistic, alarm=alarm)]))

    assert state.drift_rise == (0.2, 0.9)
    assert state.drift_alarm


def test_drift_of_answers_is_left_out():
    state = State()
    state.add(feed_line(drift=[drift(target="output", statistic=5.0)]))

    assert state.drift == []


@pytest.mark.parametrize(("percent", "expected"), [(0, 1), (50, 5), (95, 10), (100, 10)])
def test_a_percentile_is_a_value_that_was_seen(percent, expected):
    assert percentile(range(1, 11), percent) == expected


def test_there_is_no_percentile_of_nothing():
    assert percentile([], 50) is None
