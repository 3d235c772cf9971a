import json
import logging
import sys
from pathlib import Path

from otel_llm.report.logs import JsonFormatter


def line(message: str = "refused", **extra: object) -> dict:
    record = logging.makeLogRecord({"name": "x", "levelname": "WARNING", "msg": message, **extra})
    text = JsonFormatter().format(record)
    assert "\n" not in text
    return json.loads(text)


def test_what_is_given_as_extra_is_in_the_object() -> None:
    said = line(reason="overload", count=3)
    assert (said["level"], said["logger"], said["message"]) == ("warning", "x", "refused")
    assert (said["reason"], said["count"]) == ("overload", 3)
    assert set(said) == {"time", "level", "logger", "message", "reason", "count"}


def test_an_extra_never_takes_the_place_of_a_field_of_ours_or_spoils_the_line() -> None:
    said = line("two\nlines", level="mine", path=Path("/tmp"))
    assert (said["level"], said["extra_level"], said["path"]) == ("warning", "mine", "/tmp")


def test_an_exception_is_in_the_object() -> None:
    try:
        int("a bug")
    except ValueError:
        assert "ValueError: invalid literal" in line(exc_info=sys.exc_info())["exception"]
