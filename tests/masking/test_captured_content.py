"""Content of spans and log records that real instrumentations wrote: none is left where it must not be."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from otel_llm.masking.content import masked, masked_log, stripped, stripped_log
from otel_llm.otlp.json import read_json
from otel_llm.otlp.requests import read_request, scopes

CAPTURED = sorted((Path(__file__).parents[1] / "genai" / "captured").glob("*.json"))
NEWEST = sorted((Path(__file__).parents[1] / "genai" / "captured" / "newest").glob("*.json"))
SECRETS = ["4539 1488 0343 6467", "Xk9#mQ2v7Lp", "anna.berger@posteo.net"]
SAID = ["capital of France", "Be brief", "rainy", "Paris", "Berlin"]
MAIL = "jane.roe@acme.io"

Rewrite = Callable[[bytes], bytes]


def items(captured: str, signal: Any) -> list[bytes]:
    """The spans or log records of a capture, which is OTLP/JSON by signal."""
    request = json.loads(captured).get(signal)
    if request is None:
        return []
    body, rejected = read_json(signal, json.dumps(request).encode())
    assert not rejected
    return [item for scope in scopes(read_request(signal, body)) for item in scope.items]


def rewritten(captured: str, span: Rewrite, log: Rewrite) -> tuple[bytes, bytes]:
    """All that a capture holds, before and after."""
    pairs = [(item, span(item)) for item in items(captured, "traces")]
    pairs += [(item, log(item)) for item in items(captured, "logs")]
    return b"\n".join(before for before, _ in pairs), b"\n".join(after for _, after in pairs)


def test_there_are_captures() -> None:
    assert len(CAPTURED) >= 5


@pytest.mark.parametrize("path", CAPTURED, ids=lambda path: path.stem)
def test_nothing_that_was_said_is_left_once_content_is_stripped(path: Path) -> None:
    before, after = rewritten(path.read_text(), stripped, stripped_log)
    assert b"capital of France" in before
    assert [said for said in SAID if said.encode() in after] == []


@pytest.mark.parametrize("path", CAPTURED, ids=lambda path: path.stem)
def test_no_address_is_left_once_content_is_masked(path: Path) -> None:
    captured = path.read_text().replace("Paris", MAIL).replace("France", MAIL)
    before, after = rewritten(captured, masked, masked_log)
    assert MAIL.encode() in before
    assert MAIL.encode() not in after
    assert b"[EMAIL_ADDRESS]" in after


@pytest.mark.parametrize("path", NEWEST, ids=lambda path: path.stem)
@pytest.mark.parametrize(("span", "log"), [(masked, masked_log), (stripped, stripped_log)])
def test_no_secret_of_the_newest_libraries_is_left(path: Path, span: Rewrite, log: Rewrite) -> None:
    before, after = rewritten(path.read_text(), span, log)
    assert [each for each in SECRETS if each.encode() in after] == []
    assert (SECRETS[0].encode() in before) == ("no_content" not in path.stem)
