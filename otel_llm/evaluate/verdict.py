"""From scores to results, the same way in every evaluator."""

from __future__ import annotations

from collections.abc import Callable

from otel_llm.evaluate.manifest import EvaluatorManifest
from otel_llm.evaluate.result import Result, Target
from otel_llm.receive.call import Call


def verdict(
    manifest: EvaluatorManifest, call: Call, target: Target, score: float | None, explain: Callable[[], str]
) -> Result:
    """Return the result for that score by the manifest's threshold; `not_applicable` where it is None.

    `explain` is called where the score fails: what it returns names no personal datum and no secret.
    """
    failed = score is not None and manifest.is_fail(score)
    return Result(
        call=call,
        evaluator=manifest.name,
        version=manifest.version,
        target=target,
        label="not_applicable" if score is None else "fail" if failed else "pass",
        score=score,
        explanation=explain() if failed else None,
    )


def errors(manifest: EvaluatorManifest, call: Call, error: BaseException) -> list[Result]:
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


def target_text(call: Call, target: Target) -> str:
    """Return the call's text on that side; empty where it has none but white space."""
    text = call.input_text if target == "input" else call.output_text
    return text if text.strip() else ""
