"""Texts of the trade, in which nothing is personal and nothing secret: shell, logs, code, tables, ids."""

from pathlib import Path

import pytest

from otel_llm.evaluate.kinds.loading import load_evaluators

TEXTS = (
    Path(__file__).with_name("technical_texts.txt").read_text(encoding="utf-8").removesuffix("\n").split("\n%\n")
)
FINDERS = load_evaluators(["pii", "secrets"])


def test_there_are_many_and_each_is_there_once():
    assert len(set(TEXTS)) == len(TEXTS) >= 150


@pytest.mark.parametrize("text", TEXTS)
def test_nothing_is_found_in_a_technical_text(text):
    assert [
        (finding.type, text[finding.start : finding.end])
        for finder in FINDERS
        for finding in finder.find(text)
        if finder.manifest.is_fail(finding.confidence)
    ] == []
