"""The evaluators that see a call: chosen by rules, and by a share of the traces.

The share is chosen as in OpenTelemetry's consistent probability sampling: the last 56 bits of a trace id are
random, and a ratio is a threshold on these bits. So all spans of a trace and all replicas decide alike, and a
trace that a lower ratio selects is also selected by a higher one.

Source: https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/.
"""

from __future__ import annotations

import functools
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Final, NamedTuple

from otel_llm.config.selection import DEFAULT, SelectionRule, SelectionSettings
from otel_llm.errors import ConfigError

DRIFT: Final = "drift"
"""Name that stands for drift among the evaluators' names."""

_RANDOM_BYTES: Final = 7  # of a trace id: 56 bits
_RANDOM_DIGITS: Final = 2 * _RANDOM_BYTES  # in hex
_RANDOM_VALUES: Final = 1 << (8 * _RANDOM_BYTES)
_ABOVE_ALL: Final = b"\xff" * (_RANDOM_BYTES + 1)
_MAX_PLANS: Final = 4096
"""Plans that are kept, one for each kind of call: bounded, for the sender chooses the names of models."""

_ANY: Final = SelectionRule()


class _Plan(NamedTuple):
    """The selection for calls of one kind: same service, operation, model and provider."""

    thresholds: list[int]
    """Ascending thresholds; a trace with the random number R has passed the thresholds that are at most R."""
    selected: list[frozenset[str]]
    """Names of the evaluators, by the number of thresholds passed."""
    all: frozenset[str]
    """Names of the evaluators that see a failed call, whatever its trace."""


class Selection:
    """Selects the evaluators of each call.

    Immutable but for a cache of at most 4096 plans, which is thread-safe: any thread may call the methods.
    """

    def __init__(self, settings: SelectionSettings, evaluators: Iterable[str], *, drift: bool = True) -> None:
        """Select among `evaluators`, the names of the running ones, and drift if it is watched.

        Raises:
            ConfigError: the settings name an evaluator that does not run.
        """
        self._settings = settings
        names = frozenset(evaluators)
        check_names(settings, names)
        self._names = names | {DRIFT} if drift else names
        reached = [self._ratios(rule) for rule in _reached((*settings.rules, _ANY))]
        self.is_empty = not any(reached)
        """True if no evaluator runs that any call could be for."""
        lowest = _threshold(max((ratio for ratios in reached for ratio in ratios.values()), default=0.0))
        self._lowest = lowest.to_bytes(_RANDOM_BYTES) if lowest < _RANDOM_VALUES else _ABOVE_ALL
        self.samples = lowest > 0
        """True if some traces are for no evaluator."""
        self._plan = functools.lru_cache(_MAX_PLANS)(self._make_plan)

    def leaves_out(self, trace_id: bytes, *, failed: bool) -> bool:
        """Return whether a call of the trace is for no evaluator, whatever its service or model."""
        if failed and self._settings.always_on_errors:
            return self.is_empty
        return trace_id[-_RANDOM_BYTES:] < self._lowest

    def of(
        self, *, trace_id: str, service: str, operation: str, model: str, provider: str, failed: bool
    ) -> frozenset[str]:
        """Return the names of the evaluators that see the call; `trace_id` is 32 hex digits."""
        plan = self._plan(service, operation, model, provider)
        if failed and self._settings.always_on_errors:
            return plan.all
        return plan.selected[bisect_right(plan.thresholds, int(trace_id[-_RANDOM_DIGITS:], 16))]

    def _ratios(self, rule: SelectionRule) -> dict[str, float]:
        """Return the ratio of each evaluator that sees the rule's calls."""
        names = self._names if rule.evaluators is None else self._names.intersection(rule.evaluators)
        return {name: _ratio(name, rule.sampling, self._settings.sampling) for name in names}

    def _make_plan(self, service: str, operation: str, model: str, provider: str) -> _Plan:
        rule = next(
            (each for each in self._settings.rules if _matches(each, service, operation, model, provider)), _ANY
        )
        by_threshold = {name: _threshold(ratio) for name, ratio in self._ratios(rule).items()}
        thresholds = sorted(set(by_threshold.values()))
        passed = [-1, *thresholds]
        selected = [frozenset(name for name in by_threshold if by_threshold[name] <= most) for most in passed]
        return _Plan(thresholds, selected, frozenset(by_threshold))


def check_names(settings: SelectionSettings, evaluators: Iterable[str]) -> None:
    """Check that the settings name only evaluators that run.

    Raises:
        ConfigError: another name is there; the message has its key.
    """
    known = {*evaluators, DRIFT}
    _check("selection.sampling", settings.sampling, known | {DEFAULT})
    for number, rule in enumerate(settings.rules):
        _check(f"selection.rules.{number}.evaluators", rule.evaluators or (), known)
        _check(f"selection.rules.{number}.sampling", rule.sampling, known | {DEFAULT})


def _check(key: str, named: Iterable[str], known: set[str]) -> None:
    for name in named:
        if name not in known:
            raise ConfigError(
                f"{key}: must be of the evaluators that run, got {name!r}: add it to evaluate.evaluators,"
                f" or name one of {', '.join(sorted(known))}"
            )


def _reached(rules: Iterable[SelectionRule]) -> Iterator[SelectionRule]:
    """Yield the rules that may apply to a call: none after a rule that matches every call."""
    for rule in rules:
        yield rule
        if all("*" in patterns for patterns in (rule.service, rule.operation, rule.model, rule.provider)):
            return


def _matches(rule: SelectionRule, service: str, operation: str, model: str, provider: str) -> bool:
    return (
        _one_matches(rule.service, service)
        and _one_matches(rule.operation, operation)
        and _one_matches(rule.model, model)
        and _one_matches(rule.provider, provider)
    )


def _one_matches(patterns: Iterable[str], value: str) -> bool:
    return any(fnmatchcase(value, pattern) for pattern in patterns)


def _ratio(name: str, *maps: Mapping[str, float]) -> float:
    """Return the ratio in the first map that has the name or a default."""
    for ratios in maps:
        for key in (name, DEFAULT):
            if key in ratios:
                return ratios[key]
    return 1.0


def _threshold(ratio: float) -> int:
    return round((1 - ratio) * _RANDOM_VALUES)
