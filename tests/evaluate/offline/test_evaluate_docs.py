"""docs/evaluate.md says what is so."""

import json
import re
from pathlib import Path

from otel_llm.evaluate.offline.command import command
from otel_llm.evaluate.offline.record_file import MAX_LINE_BYTES
from otel_llm.evaluate.offline.records import KEYS, read_record
from otel_llm.evaluate.offline.thresholds import parse_condition

PAGE = (Path(__file__).parents[3] / "docs" / "evaluate.md").read_text()


def rows(heading):
    """Return the first cells of the table below a heading."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return [row.split("`")[1] for row in section.splitlines() if row.startswith("| `")]


def test_every_key_of_a_record_is_described():
    assert set(rows("The file")) == set(KEYS)


def test_every_condition_that_is_shown_is_one():
    shown = rows("Conditions and exit codes") + re.findall(r"--fail-on ('[^']+'|[a-z.]+)", PAGE)
    assert len(shown) >= 12
    for text in shown:
        parse_condition(text.strip("'"))


def test_every_option_that_is_shown_is_one():
    known = {name for parameter in command.params for name in parameter.opts}
    assert set(re.findall(r"(?<=[ `])--[a-z-]+", PAGE)) <= known


def test_the_record_that_is_shown_is_one_and_so_is_the_result():
    record, result = (json.loads(text) for text in re.findall(r"```json\n(.*?)\n```", PAGE))
    assert read_record(record, 1).id == result["id"] == "q-17"
    assert list(result) == ["id", "evaluator", "target", "score", "label", "explanation"]


def test_the_python_that_is_shown_runs():
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names = {}
    exec(code, names)
    assert {result.evaluator for result in names["results"]} == {"groundedness", "toxicity"}
    assert names["failed"] == []


def test_the_limit_of_a_line_is_the_one_that_holds():
    assert f"longer than {MAX_LINE_BYTES // 2**20} MiB" in PAGE.replace("\n", " ")
