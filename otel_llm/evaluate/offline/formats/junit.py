"""Results as JUnit's XML, which CI servers show as tests: a suite for each evaluator."""

from __future__ import annotations

import html
import re
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from typing import BinaryIO, Final

from otel_llm.evaluate.offline.records import RecordResult

# characters that XML 1.0 cannot hold, escaped or not: https://www.w3.org/TR/xml/#charsets
_FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class JunitWriter:
    """Writes a test case for each record and target; the file is written at the end.

    A suite begins with its counts, so its cases wait in a temporary file, not in memory.

    Source: the schema by which Jenkins reads such files,
    https://github.com/jenkinsci/xunit-plugin/blob/master/src/main/resources/org/jenkinsci/plugins/xunit/types/model/xsd/junit-10.xsd
    """

    def __init__(self, file: BinaryIO, evaluators: Iterable[str]) -> None:
        self._file = file
        self._suites = {name: _Suite(name) for name in evaluators}

    def add(self, results: Sequence[RecordResult]) -> None:
        """Keep a test case for each result."""
        for result in results:
            self._suites[result.evaluator].add(result)

    def close(self) -> None:
        """Write all suites."""
        tests, failures, errors = (
            sum(getattr(suite, count) for suite in self._suites.values())
            for count in ("tests", "failures", "errors")
        )
        head = f'<testsuites name="otel-llm evaluate" tests="{tests}" failures="{failures}" errors="{errors}">'
        self._file.write(f'<?xml version="1.0" encoding="utf-8"?>\n{head}\n'.encode())
        for suite in self._suites.values():
            suite.write(self._file)
        self._file.write(b"</testsuites>\n")
        self._file.flush()


class _Suite:
    def __init__(self, name: str) -> None:
        self.tests = self.failures = self.errors = self._skipped = 0
        self._name = name
        self._cases = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `write`

    def add(self, result: RecordResult) -> None:
        self._cases.write(_case(result).encode())
        self.tests += 1
        self.failures += result.label == "fail"
        self.errors += result.label == "error"
        self._skipped += result.label == "not_applicable"

    def write(self, file: BinaryIO) -> None:
        file.write(
            f'<testsuite name={_attribute(self._name)} tests="{self.tests}" failures="{self.failures}"'
            f' errors="{self.errors}" skipped="{self._skipped}">\n'.encode()
        )
        with self._cases as cases:
            cases.seek(0)
            shutil.copyfileobj(cases, file)
        file.write(b"</testsuite>\n")


def _case(result: RecordResult) -> str:
    name = f"{result.evaluator}.{result.target}"
    head = f"<testcase classname={_attribute(name)} name={_attribute(str(result.id))}"
    score = "" if result.score is None else f" {result.score:.3f}"
    match result.label:
        case "pass":
            return f"{head}/>\n"
        case "partial":
            inner = f"<system-out>{_text(result.explanation or '')}</system-out>"
        case "not_applicable":
            inner = f"<skipped message={_attribute('not applicable')}/>"
        case "fail":
            message = _attribute(f"{name} failed with score{score}")
            inner = f'<failure type="fail" message={message}>{_text(result.explanation or "")}</failure>'
        case "error":
            kind = _attribute(result.explanation or "error")
            inner = f"<error type={kind} message={_attribute(f'{name} could not be evaluated')}/>"
    return f"{head}>{inner}</testcase>\n"


def _attribute(text: str) -> str:
    # line breaks and tabs in an attribute would be read as spaces
    return f'"{_text(text).replace(chr(10), "&#10;").replace(chr(9), "&#9;")}"'


def _text(text: str) -> str:
    # a carriage return would be read as a line feed; the entities of html.escape are XML's, too
    return html.escape(_FORBIDDEN.sub("�", text)).replace("\r", "&#13;")
