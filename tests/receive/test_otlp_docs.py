import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from otel_llm.config.receive import ReceiverSettings
from otel_llm.config.service import ServiceSettings

DOCS = (Path(__file__).parents[2] / "docs" / "otlp.md").read_text()
TESTS = "\n".join(path.read_text() for path in Path(__file__).parents[1].rglob("test_*.py"))
NAMED = sorted(set(re.findall(r"`(test_\w+)`", DOCS)))


@pytest.mark.parametrize("name", NAMED)
def test_a_test_that_the_table_names_is_there(name: str) -> None:
    assert re.search(rf"^def {name}\(", TESTS, re.MULTILINE)


def test_every_row_of_the_table_names_its_test() -> None:
    rows = DOCS.partition("| rule | what we do | test |\n|---|---|---|\n")[2].partition("\n\n")[0].splitlines()
    assert len(rows) > 25
    assert [row for row in rows if "`test_" not in row.rpartition(" | ")[2]] == []


def test_every_setting_is_documented_with_its_default() -> None:
    table = DOCS.partition("| key | default | what |\n|---|---|---|\n")[2].partition("\n\n")[0]
    rows = [[cell.strip(" `") for cell in row.split("|")[1:3]] for row in table.splitlines()]
    assert rows == [[name, _text(value)] for name, value in _defaults(ReceiverSettings())]


def _defaults(settings: BaseModel, before: str = "") -> list[tuple[str, object]]:
    found: list[tuple[str, object]] = []
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        found += (
            _defaults(value, f"{before}{name}.") if isinstance(value, BaseModel) else [(f"{before}{name}", value)]
        )
    return found


def _text(value: object) -> str:
    if value is None:
        return "none"
    return (
        str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)
    )


def test_the_ports_are_those_of_otlp() -> None:
    assert (ServiceSettings().grpc_port, ServiceSettings().http_port) == (4317, 4318)
