"""Results from scores, made and checked the same way for every evaluator."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Final, get_args

from otel_llm.evaluate.definition.manifest import EvaluatorManifest
from otel_llm.evaluate.definition.result import Label, Read, Result, Target
from otel_llm.genai.call import Call

_LABELS: Final = get_args(Label)


def score_result(
    manifest: EvaluatorManifest,
    call: Call,
    target: Target,
    score: float | None,
    explain: Callable[[], str],
    *,
    read: Read | None = None,
) -> Result:
    """Return the result for the score by the manifest's threshold; `not_applicable` for None.

    A score that does not fail is `partial` if `read` says that not all of the text was read. `explain` is called
    only if the score fails; the text that `explain` returns holds no personal datum and no secret.
    """
    failed = score is not None and manifest.is_fail(score)
    unread = None if score is None or read is None or read.is_whole else read
    reasons = [*([explain()] if failed else []), *([str(unread)] if unread else [])]
    return Result(
        call=call,
        evaluator=manifest.name,
        version=manifest.version,
        target=target,
        label="not_applicable" if score is None else "fail" if failed else "partial" if unread else "pass",
        score=score,
        explanation="; ".join(reasons) or None,
        read=unread,
    )


def error_results(manifest: EvaluatorManifest, call: Call, error: BaseException) -> list[Result]:
    """Return one result of label error for each target."""
    return [
        Result(
            call=call,
            evaluator=manifest.name,
            version=manifest.version,
            target=target,
            label="error",
            error_type=type(error).__name__,
        )
        for target in manifest.targets
    ]


def checked_results(results: object, manifest: EvaluatorManifest, call: Call) -> list[Result]:
    """Return the results that an evaluator returned for the call, checked; no pass of a text that was cut.

    Raises:
        TypeError: it is not a list of one Result for each target.
        ValueError: a field of a result is wrong.
    """
    targets = list(manifest.targets)
    if (
        not (isinstance(results, list) and all(isinstance(result, Result) for result in results))
        or [result.target for result in results] != targets
    ):
        raise TypeError(
            f"{manifest.name}: evaluate must return one Result for each of {targets}, got {results!r:.200}"
        )
    for result in results:
        _check(result, manifest, call)
    return [_of_cut_content(result) for result in results]


def _of_cut_content(result: Result) -> Result:
    """Return the result; if the sender cut what was evaluated, it says so, and a pass is partial."""
    call, failed = result.call, result.label == "fail"
    notes = ["the text was cut before it came"] if call.is_cut(result.target) else []
    if failed and result.target == "output" and call.has_cut_documents:
        notes.append("the documents were cut before they came")
    if result.score is None or not notes:
        return result
    explanation = "; ".join([*([result.explanation] if result.explanation else []), *notes])
    return replace(result, label=result.label if failed else "partial", explanation=explanation)


def _check(result: Result, manifest: EvaluatorManifest, call: Call) -> None:
    scored = result.label in {"pass", "partial", "fail"}
    explanation = result.explanation
    for key, right, rule in (
        ("call", result.call is call, "the call that was given"),
        ("evaluator", result.evaluator == manifest.name, repr(manifest.name)),
        ("version", result.version == manifest.version, repr(manifest.version)),
        ("label", result.label in _LABELS, f"one of {', '.join(_LABELS)}"),
        ("score", _is_probability(result.score) if scored else result.score is None,
         f"{'a float in [0, 1]' if scored else 'None'} with {result.label}"),
        ("explanation", explanation is None or isinstance(explanation, str), "a text or None"),
    ):  # fmt: skip
        if not right:
            raise ValueError(f"{manifest.name}: {key} must be {rule}, got {getattr(result, key)!r:.200}")


def _is_probability(score: object) -> bool:
    # a numpy float32 is no float, and json cannot write it
    return isinstance(score, int | float) and math.isfinite(score) and 0 <= score <= 1


def target_text(call: Call, target: Target) -> str:
    """Return the call's text on the target's side; empty if the text is only white space."""
    text = call.input_text if target == "input" else call.output_text
    return text if text.strip() else ""
