"""`--fail-on`: conditions on all results together that make the command exit with 1."""

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
    """One `--fail-on`."""

    text: str
    """As it was given."""
    name: str
    """An evaluator, "any" or "error"."""
    target: Target | None
    """One side of the records; None: both."""
    statistic: Statistic
    sign: str
    number: float
    """Of a rate, between 0 and 1."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a condition."""

    condition: Condition
    holds: bool
    """Whether it makes the command fail."""
    figures: str
    """What was counted, in words."""


def parse_condition(text: str) -> Condition:
    """Return the condition that the text describes.

    Raises:
        ConfigError: it describes none.
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
        ConfigError: one does not.
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


def judge(condition: Condition, tally: Tally) -> Verdict:
    """Return whether the condition holds; it also does where what it would be judged by is missing."""
    match condition.name:
        case "any":
            return _judge_any(condition, tally)
        case "error":
            return _judge_errors(condition, tally)
        case _:
            return _judge_one(condition, tally, condition.name)


def _judge_any(condition: Condition, tally: Tally) -> Verdict:
    """Hold where it holds of any evaluator that judged something."""
    judged = [name for name in tally.evaluators if _judged(tally, name, condition.target)]
    if not judged:
        return Verdict(condition, True, "nothing was judged")
    verdicts = [_judge_one(condition, tally, name) for name in judged]
    holding = [f"{name} {each.figures}" for name, each in zip(judged, verdicts, strict=True) if each.holds]
    figures = "; ".join(holding) or f"none of {len(judged)} evaluator{'s' * (len(judged) > 1)}"
    return Verdict(condition, bool(holding), figures)


def _judge_errors(condition: Condition, tally: Tally) -> Verdict:
    rows = [row for _, _, row in tally.rows(target=condition.target)]
    errors, results = sum(row.labels["error"] for row in rows), sum(sum(row.labels.values()) for row in rows)
    return _compared(condition, errors, results, "results are errors")


def _judge_one(condition: Condition, tally: Tally, name: str) -> Verdict:
    rows = [row for _, _, row in tally.rows(name, condition.target)]
    if not _judged(tally, name, condition.target):
        skipped = sum(row.labels["not_applicable"] for row in rows)
        return Verdict(condition, True, f"nothing was judged, {skipped} not applicable")
    if condition.statistic in {"count", "rate"}:
        errors = sum(row.labels["error"] for row in rows)
        failed = errors + sum(row.labels["fail"] for row in rows)
        failing = f"failed, {errors} by an error" if errors else "failed"
        return _compared(condition, failed, _judged(tally, name, condition.target), failing)
    scores = Scores()
    for row in rows:
        scores.merge(row.scores)
    errors = sum(row.labels["error"] for row in rows)
    if not scores.count:
        return Verdict(condition, True, "there is no score, all are errors")
    value = {"min": scores.least, "mean": scores.mean, "max": scores.most}[condition.statistic]
    figures = f"{condition.statistic} {value:.3f} of {scores.count:,} scores"
    if errors:  # the scores that are missing might have made it hold
        results = _judged(tally, name, condition.target)
        are = "is an error" if errors == 1 else "are errors"
        return Verdict(condition, True, f"{figures}, of {results:,} results {errors:,} {are}")
    return Verdict(condition, _COMPARE[condition.sign](value, condition.number), figures)


def _compared(condition: Condition, part: int, whole: int, what: str) -> Verdict:
    share = part / whole if whole else 0.0
    value = share if condition.statistic == "rate" else part
    return Verdict(
        condition,
        _COMPARE[condition.sign](value, condition.number),
        f"{part:,} of {whole:,} {what}" + (f" ({share:.1%})" if condition.statistic == "rate" else ""),
    )


def _judged(tally: Tally, name: str, target: Target | None) -> int:
    """Return how many results say something: an error too, which counts as a fail."""
    return sum(sum(row.labels.values()) - row.labels["not_applicable"] for _, _, row in tally.rows(name, target))
