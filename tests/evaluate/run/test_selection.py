import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from otel_llm.config.selection import SelectionSettings
from otel_llm.errors import ConfigError
from otel_llm.evaluate.run.selection import Selection

LOADED = ("toxicity", "groundedness", "pii")
ALL = frozenset((*LOADED, "drift"))
RATIOS = st.floats(0, 1)
TRACES = st.integers(0, 2**128 - 1).map(lambda number: f"{number:032x}")


def selection(**settings: Any) -> Selection:
    return Selection(SelectionSettings.model_validate(settings), LOADED)


def of(selection: Selection, **fields: Any) -> frozenset[str]:
    call = {"trace_id": "0" * 31 + "1", "service": "shop", "operation": "chat", "model": "gpt-4o"}
    return selection.of(**{**call, "provider": "openai", "failed": False, **fields})


def test_by_default_every_evaluator_and_drift_see_every_call() -> None:
    assert of(selection()) == ALL
    assert of(selection(), trace_id="f" * 32) == ALL


def test_where_drift_is_not_watched_no_call_is_for_it() -> None:
    assert of(Selection(SelectionSettings(), LOADED, drift=False)) == frozenset(LOADED)


@pytest.mark.parametrize(
    ("trace_id", "selected"),
    [
        ("0" * 32, frozenset()),
        ("f" * 18 + "7" + "f" * 13, frozenset()),  # the last below half: only the low 56 bits count
        ("0" * 18 + "8" + "0" * 13, ALL),
        ("0" * 18 + "f" * 14, ALL),
    ],
)
def test_a_trace_is_sampled_from_its_threshold_on(trace_id: str, selected: frozenset[str]) -> None:
    assert of(selection(sampling={"default": 0.5}), trace_id=trace_id) == selected


@given(low=RATIOS, high=RATIOS, trace_id=TRACES)
def test_what_a_lower_ratio_takes_a_higher_one_takes_too(low: float, high: float, trace_id: str) -> None:
    low, high = sorted((low, high))
    selected = of(selection(sampling={"toxicity": low, "pii": high, "default": 0}), trace_id=trace_id)
    assert "pii" in selected or "toxicity" not in selected
    assert selected <= {"pii", "toxicity"}


@given(trace_id=TRACES)
def test_zero_takes_nothing_and_one_takes_all(trace_id: str) -> None:
    assert of(selection(sampling={"default": 0, "pii": 1}), trace_id=trace_id) == {"pii"}


def test_a_ratio_is_the_share_of_traces() -> None:
    numbers = random.Random(7)
    chosen = selection(sampling={"toxicity": 0.1})
    traces = [f"{numbers.getrandbits(128):032x}" for _ in range(20_000)]
    assert sum("toxicity" in of(chosen, trace_id=trace) for trace in traces) == pytest.approx(2000, rel=0.1)


def test_calls_that_failed_are_evaluated_whatever_the_ratio() -> None:
    assert of(selection(sampling={"default": 0}), failed=True) == ALL
    assert of(selection(sampling={"default": 0}, always_on_errors=False), failed=True) == frozenset()
    assert of(selection(rules=[{"evaluators": []}]), failed=True) == frozenset()


@pytest.mark.parametrize(
    ("fields", "selected"),
    [
        ({"service": "internal-batch"}, frozenset()),
        ({"service": "shop-eu", "model": "gpt-4o-mini"}, {"toxicity", "drift"}),
        ({"service": "shop-us", "model": "o3"}, {"toxicity", "drift"}),
        ({"service": "shop-us", "model": "claude"}, ALL),
        ({"service": "Internal-batch"}, ALL),
        ({"service": "other", "operation": "text_completion", "provider": "azure.ai"}, {"pii"}),
        ({"service": "other", "operation": "chat", "provider": "azure.ai"}, ALL),
    ],
)
def test_the_first_rule_that_matches_holds(fields: dict[str, str], selected: frozenset[str]) -> None:
    chosen = selection(
        rules=[
            {"service": "internal-*", "evaluators": []},
            {"service": ["shop-*", "store"], "model": ["gpt-?o*", "o[13]"], "evaluators": ["toxicity", "drift"]},
            {"operation": "text_*", "provider": "azure.*", "evaluators": ["pii"]},
        ]
    )
    assert of(chosen, **fields) == selected


def test_a_rules_ratios_come_before_those_outside_of_it() -> None:
    chosen = selection(
        sampling={"default": 0, "toxicity": 1, "pii": 1},
        rules=[
            {"service": "a", "sampling": {"toxicity": 0, "groundedness": 1}},
            {"service": "b", "sampling": {"default": 0}},
        ],
    )
    assert of(chosen, service="a") == {"groundedness", "pii"}
    assert of(chosen, service="b") == frozenset()
    assert of(chosen, service="c") == {"toxicity", "pii"}


@given(ratio=RATIOS, ruled=RATIOS, trace_id=TRACES, failed=st.booleans(), on_errors=st.booleans())
def test_what_is_left_out_by_its_trace_alone_is_for_no_evaluator(
    ratio: float, ruled: float, trace_id: str, failed: bool, on_errors: bool
) -> None:
    chosen = selection(
        sampling={"default": 0, "pii": ratio},
        rules=[{"service": "bank", "sampling": {"toxicity": ruled}}, {"service": "none", "evaluators": []}],
        always_on_errors=on_errors,
    )
    selected = [of(chosen, trace_id=trace_id, service=name, failed=failed) for name in ("shop", "bank", "none")]
    assert chosen.leaves_out(bytes.fromhex(trace_id), failed=failed) == (not any(selected))
    assert chosen.samples == (max(ratio, ruled) < 1)


@pytest.mark.parametrize("pattern", ["*", ["shop", "*"]])
def test_what_stands_behind_a_rule_that_matches_every_call_leaves_no_trace_in(pattern: str | list[str]) -> None:
    def leaves_out(*rules: dict[str, Any], failed: bool = False) -> bool:
        return selection(rules=rules).leaves_out(b"\xff" * 16, failed=failed)

    none, every = {"service": pattern, "evaluators": []}, {"service": pattern, "sampling": {"default": 0}}
    assert leaves_out(none)
    assert leaves_out(every)
    assert leaves_out({"service": "shop", "evaluators": []}, every, {"evaluators": ["pii"]})
    assert not leaves_out({"service": "shop"}, every)
    assert not leaves_out({"model": pattern, "service": "shop", "evaluators": []})
    assert leaves_out(none, failed=True)
    assert not leaves_out(every, failed=True)


@pytest.mark.parametrize("trace_id", [b"", b"\xff" * 16, b"\xff" * 40])
def test_a_ratio_of_zero_leaves_out_every_trace(trace_id: bytes) -> None:
    assert selection(sampling={"default": 0}).leaves_out(trace_id, failed=False)
    assert not selection(sampling={"default": 0}).leaves_out(trace_id, failed=True)
    assert Selection(SelectionSettings(), [], drift=False).leaves_out(trace_id, failed=True)


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"sampling": {"toxcity": 0.1}}, r"selection\.sampling"),
        ({"rules": [{}, {"evaluators": ["toxcity"]}]}, r"selection\.rules\.1\.evaluators"),
        ({"rules": [{"sampling": {"toxcity": 0}}]}, r"selection\.rules\.0\.sampling"),
    ],
)
def test_an_evaluator_that_does_not_run_is_refused(settings: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError, match=rf"^{key}: must be .*'toxcity': add it to evaluate\.evaluators"):
        selection(**settings)


@pytest.mark.parametrize("ratio", [-0.1, 1.1, "many"])
def test_a_ratio_is_from_0_to_1(ratio: Any) -> None:
    with pytest.raises(ValidationError, match=r"sampling\.toxicity"):
        selection(sampling={"toxicity": ratio})


def test_made_up_names_of_models_do_not_fill_the_memory() -> None:
    chosen = selection(sampling={"default": 0.5})
    for number in range(10_000):
        of(chosen, model=f"model-{number}")
    assert chosen._plan.cache_info().currsize == 4096
