import io
import json
import re
import xml.etree.ElementTree as ET

import pytest
from rich.console import Console

from otel_llm.evaluate.definition.installed import evaluator_manifests
from otel_llm.evaluate.offline.formats.json_lines import JsonlWriter
from otel_llm.evaluate.offline.formats.junit import JunitWriter
from otel_llm.evaluate.offline.formats.table import TableWriter
from otel_llm.evaluate.offline.records import RecordResult
from otel_llm.evaluate.offline.tally import Tally

MANIFESTS = {m.name: m for m in evaluator_manifests() if m.name in {"groundedness", "toxicity"}}
HOSTILE = "\x00\x1b[31m]]> <&\"' \ufffe\ud800 \r\n\t\U0001f600 \u202e"
RESULTS = [
    RecordResult("a", "groundedness", "output", 0.9, "pass", None),
    RecordResult("a", "toxicity", "output", 0.1, "pass", None),
    RecordResult(2, "groundedness", "output", None, "not_applicable", None),
    RecordResult(2, "toxicity", "output", 0.9, "fail", "toxic: characters 0-4"),
    RecordResult(HOSTILE, "groundedness", "output", None, "error", "ZeroDivisionError"),
    RecordResult(HOSTILE, "toxicity", "output", 0.75, "fail", HOSTILE),
]
# https://github.com/jenkinsci/xunit-plugin, junit-10.xsd: required and allowed attributes, allowed children
SCHEMA = {
    "testsuites": (set(), {"name", "time", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors"},
        {"name", "tests", "failures", "errors", "skipped", "time", "timestamp"},
        {"testcase", "properties"},
    ),
    "testcase": ({"name"}, {"name", "classname", "time"}, {"failure", "error", "skipped"}),
    "failure": (set(), {"type", "message"}, set()),
    "error": (set(), {"type", "message"}, set()),
    "skipped": (set(), {"type", "message"}, set()),
}


def junit(results):
    file = io.BytesIO()
    writer = JunitWriter(file, ["groundedness", "toxicity"])
    writer.add(results[:3])
    writer.add(results[3:])
    writer.close()
    return ET.fromstring(file.getvalue())


def check(element):
    required, allowed, children = SCHEMA[element.tag]
    assert required <= set(element.attrib) <= allowed
    assert {child.tag for child in element} <= children
    for child in element:
        check(child)


def table(results, width=80):
    tally = Tally({name: m.targets for name, m in MANIFESTS.items()}, {n: m.fails for n, m in MANIFESTS.items()})
    tally.add(len({str(result.id) for result in results}), results)
    file = io.StringIO()
    TableWriter(Console(file=file, width=width), tally, MANIFESTS).close()
    return file.getvalue()


def test_jsonl_is_written_as_results_come_with_six_keys_in_order():
    file = io.BytesIO()
    writer = JsonlWriter(file)
    writer.add(RESULTS[:1])
    assert file.getvalue() == (
        b'{"id": "a", "evaluator": "groundedness", "target": "output", "score": 0.9, "label": "pass",'
        b' "explanation": null}\n'
    )
    hostile = HOSTILE.replace("\ud800", "")
    writer.add([*RESULTS[1:4], RecordResult(hostile, "toxicity", "output", 0.75, "fail", hostile)])
    assert [json.loads(line)["id"] for line in file.getvalue().split(b"\n")[:-1]] == ["a", "a", 2, 2, hostile]


def test_junit_keeps_the_rules_of_its_schema():
    check(junit(RESULTS))


def test_junit_counts_what_it_holds():
    root = junit(RESULTS)
    assert root.attrib == {"name": "otel-llm evaluate", "tests": "6", "failures": "2", "errors": "1"}
    assert [suite.attrib for suite in root] == [
        {"name": "groundedness", "tests": "3", "failures": "0", "errors": "1", "skipped": "1"},
        {"name": "toxicity", "tests": "3", "failures": "2", "errors": "0", "skipped": "0"},
    ]
    for suite in root:
        for tag, count in (("testcase", "tests"), ("testcase/failure", "failures"), ("testcase/error", "errors")):
            assert len(suite.findall(tag)) == int(suite.get(count))
    assert root.find("testsuite/testcase[@name='2']").get("classname") == "groundedness.output"


def test_junit_replaces_what_xml_cannot_hold_and_keeps_the_rest():
    case = junit(RESULTS).findall("testsuite[@name='toxicity']/testcase")[-1]
    expected = re.sub("[\x00\x1b\ufffe\ud800]", "\ufffd", HOSTILE)
    assert case.get("name") == expected
    assert case.find("failure").text == expected
    assert case.find("failure").get("message") == "toxicity.output failed with score 0.750"


def test_junit_without_results_is_whole():
    root = junit([])
    check(root)
    assert [suite.get("tests") for suite in root] == ["0", "0"]


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_fits_its_console(width):
    long = [RecordResult("i" * 500, "toxicity", "output", 0.9, "fail", "why " * 500)]
    assert max(len(line) for line in table([*RESULTS, *long], width).splitlines()) <= width


def test_the_table_counts_by_evaluator_and_target_and_says_the_worst_first():
    text = table(RESULTS)
    rows = [line.split() for line in text.splitlines()]
    assert ["groundedness.output", "1", "0", "1", "1", "50.0", "0.90", "0.90"] in rows
    assert ["toxicity.output", "1", "2", "0", "0", "66.7", "0.58", "0.75"] in rows
    assert ["toxicity.input", "0", "0", "0", "0", "-", "-", "-"] in rows
    threshold = MANIFESTS["toxicity"].threshold
    assert text.index(f"toxicity.output fails at and above {threshold:.2f}") < text.index("evaluator ")
    assert text.index("✗ 0.90 2") < text.index("✗ 0.75")
    assert "ZeroDivisionError" in text


def test_no_text_that_is_quoted_steers_the_terminal():
    assert not set(table(RESULTS)) & set("\x00\x1b\r\t\u202e")
