"""`--fail-on`: conditions on all results together; if one holds, the command exits with 1."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, cast

from otel_llm.errors import ConfigError
from otel_llm.evaluate.definition.result import Target
from otel_llm.evaluate.offline.tally import Scores, Tally

Statistic = Literal["count", "rate", "min", "mean", "max"]

_COMPARE: Final[Mapping[str, Callable[[float, float], bool]]] = {
    ">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le,
}  # fmt: skip
_FORM: Final = re.compile(
    r"(?P<name>[a-z][a-z0-9_]*)(?:\.(?P<target>input|output))?(?::(?P<score>min|mean|max))?"
    r"(?:\s*(?P<sign>[<>]=?)\s*(?P<number>\d+(?:\.\d*)?|\.\d+)\s*(?P<percent>%?))?"
)
_REMEDY: Final = "write any, error, NAME, NAME>3, NAME>5%, NAME:mean<0.7 or NAME.output:max>=0.8"


@dataclass(frozen=True, slots=True)
class Condition:
    """The condition of one `--fail-on`."""

    text: str
    """Condition as the user wrote it."""
    name: str
    """Name of an evaluator, "any" or "error"."""
    target: Target | None
    """Side of the records; None means both."""
    statistic: Statistic
    sign: str
    number: float
    """Number to compare with; of a rate, between 0 and 1."""


@dataclass(frozen=True, slots=True)
class ConditionOutcome:
    """A condition, compared with all results."""

    condition: Condition
    holds: bool
    """True if the condition makes the command fail."""
    figures: str
    """Counts behind the outcome, in words."""


def parse_condition(text: str) -> Condition:
    """Return the condition that the text describes.

    Raises:
        ConfigError: the text describes no condition.
    """
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise ConfigError(f"--fail-on: {text!r} is no condition: {_REMEDY}")
    sign, number, score = match["sign"], match["number"], match["score"]
    if score:
        if sign is None or match["percent"] or float(number) > 1:
            raise ConfigError(f"--fail-on: {text!r} must compare a score with a number from 0 to 1: {_REMEDY}")
        if match["name"] in {"any", "error"}:
            raise ConfigError(f"--fail-on: {text!r} must name an evaluator: the scores of several have no {score}")
    elif number and not match["percent"] and not number.isdigit():
        raise ConfigError(
            f"--fail-on: {text!r} must compare with a whole number of fails, or a share of them such as 5%,"
            f" got {number}"
        )
    elif number and match["percent"] and float(number) > 100:
        raise ConfigError(f"--fail-on: {text!r} must compare with at most 100%, got {number}%")
    share = bool(match["percent"])
    return Condition(
        text=text.strip(),
        name=match["name"],
        target=cast(Target | None, match["target"]),
        statistic=cast(Statistic, score or ("rate" if share else "count")),
        sign=sign or ">",
        number=float(number or 0) / (100 if share else 1),
    )


def check_names(conditions: Sequence[Condition], targets: Mapping[str, Sequence[Target]]) -> None:
    """Check that every condition names an evaluator that runs, and a side that it scores.

    Raises:
        ConfigError: a condition names another evaluator or side.
    """
    for condition in conditions:
        if condition.name in {"any", "error"}:
            continue
        if condition.name not in targets:
            raise ConfigError(
                f"--fail-on: {condition.name!r} of {condition.text!r} must be an evaluator that runs:"
                f" any, error, {', '.join(targets)}"
            )
        if condition.target not in {None, *targets[condition.name]}:
            raise ConfigError(
                f"--fail-on: {condition.text!r} must name what {condition.name} scores,"
                f" {' or '.join(targets[condition.name])}, got {condition.target}"
            )


def check(condition: Condition, tally: Tally) -> ConditionOutcome:
    """Return whether the condition holds; a condition whose scores or results are missing holds too."""
    match condition.name:
        case "any":
            return _check_any(condition, tally)
        case "error":
            return _check_errors(condition, tally)
        case _:
            return _check_one(condition, tally, condition.name)


def _check_any(condition: Condition, tally: Tally) -> ConditionOutcome:
    """Return an outcome that holds if the condition holds for any evaluator with results."""
    evaluated = [name for name in tally.evaluators if _evaluated(tally, name, condition.target)]
    if not evaluated:
        return ConditionOutcome(condition, True, "nothing was evaluated")
    outcomes = [_check_one(condition, tally, name) for name in evaluated]
    holding = [f"{name} {each.figures}" for name, each in zip(evaluated, outcomes, strict=True) if each.holds]
    figures = "; ".join(holding) or f"none of {len(evaluated)} evaluator{'s' * (len(evaluated) > 1)}"
    return ConditionOutcome(condition, bool(holding), figures)


def _check_errors(condition: Condition, tally: Tally) -> ConditionOutcome:
    rows = [row for _, _, row in tally.rows(target=condition.target)]
    errors, results = sum(row.labels["error"] for row in rows), sum(sum(row.labels.values()) for row in rows)
    return _compared(condition, errors, results, "results are errors")


def _check_one(condition: Condition, tally: Tally, name: str) -> ConditionOutcome:
    rows = [row for _, _, row in tally.rows(name, condition.target)]
    if not _evaluated(tally, name, condition.target):
        skipped = sum(row.labels["not_applicable"] for row in rows)
        return ConditionOutcome(condition, True, f"nothing was evaluated, {skipped} not applicable")
    if condition.statistic in {"count", "rate"}:
        errors = sum(row.labels["error"] for row in rows)
        failed = errors + sum(row.labels["fail"] for row in rows)
        failing = f"failed, {errors} by an error" if errors else "failed"
        return _compared(condition, failed, _evaluated(tally, name, condition.target), failing)
    scores = Scores()
    for row in rows:
        scores.merge(row.scores)
    errors = sum(row.labels["error"] for row in rows)
    if not scores.count:
        return ConditionOutcome(condition, True, "there is no score, all are errors")
    value = {"min": scores.least, "mean": scores.mean, "max": scores.most}[condition.statistic]
    figures = f"{condition.statistic} {value:.3f} of {scores.count:,} scores"
    if errors:  # the missing scores might have made the condition hold
        results = _evaluated(tally, name, condition.target)
        are = "is an error" if errors == 1 else "are errors"
        return ConditionOutcome(condition, True, f"{figures}, of {results:,} results {errors:,} {are}")
    return ConditionOutcome(condition, _COMPARE[condition.sign](value, condition.number), figures)


def _compared(condition: Condition, part: int, whole: int, what: str) -> ConditionOutcome:
    share = part / whole if whole else 0.0
    value = share if condition.statistic == "rate" else part
    return ConditionOutcome(
        condition,
        _COMPARE[condition.sign](value, condition.number),
        f"{part:,} of {whole:,} {what}" + (f" ({share:.1%})" if condition.statistic == "rate" else ""),
    )


def _evaluated(tally: Tally, name: str, target: Target | None) -> int:
    """Return the number of results that are not not_applicable; an error counts, as a fail does."""
    return sum(sum(row.labels.values()) - row.labels["not_applicable"] for _, _, row in tally.rows(name, target))
