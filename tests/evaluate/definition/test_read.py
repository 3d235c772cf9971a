"""A text that was read in part gets no clean pass, and its result says how much was read."""

import pytest
from support.calls import call_with

from otel_llm.evaluate.api import EvaluatorManifest, Read, score_result

MANIFEST = EvaluatorManifest(
    folder="/nowhere",
    name="odd",
    version="1",
    kind="python",
    code="a:B",
    targets=["output"],
    scores="x",
    threshold=0.5,
)
CALL = call_with(answer="Hello")
PART = Read(part=30, whole=1810, unit="sentences")
WHOLE = Read(part=30, whole=30, unit="sentences")


@pytest.mark.parametrize(
    ("score", "read", "label", "explanation"),
    [
        (0.1, None, "pass", None),
        (0.1, WHOLE, "pass", None),
        (0.1, PART, "partial", "30 of 1,810 sentences read"),
        (0.9, None, "fail", "why"),
        (0.9, WHOLE, "fail", "why"),
        (0.9, PART, "fail", "why; 30 of 1,810 sentences read"),
        (None, PART, "not_applicable", None),
    ],
)
def test_what_was_not_read_does_not_pass(score, read, label, explanation):
    result = score_result(MANIFEST, CALL, "output", score, lambda: "why", read=read)
    assert (result.label, result.explanation) == (label, explanation)
    assert result.read == (read if read is PART and score is not None else None)
