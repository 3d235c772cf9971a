"""One client is one folder and one line in pyproject.toml."""

import ast
import tomllib
from pathlib import Path

import pytest

from otel_llm.instrument.lifecycle.patch import GROUP

ROOT = Path(__file__).parents[2]
CLIENTS = ROOT / "otel_llm" / "instrument" / "clients"
LINES = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"][GROUP]


def has_client(folder: Path) -> bool:
    source = (folder / "__init__.py").read_text() if (folder / "__init__.py").is_file() else ""
    targets = (node.target for node in ast.parse(source).body if isinstance(node, ast.AnnAssign))
    return any(isinstance(target, ast.Name) and target.id == "CLIENT" for target in targets)


@pytest.mark.parametrize("folder", sorted(filter(has_client, CLIENTS.iterdir())), ids=lambda folder: folder.name)
def test_every_client_has_its_line(folder: Path) -> None:
    value = f"otel_llm.instrument.clients.{folder.name}:CLIENT"
    assert value in LINES.values(), (
        f'add to [project.entry-points."{GROUP}"] in pyproject.toml, by the name of the library\'s module:\n'
        f'{folder.name} = "{value}"'
    )


def test_every_line_has_its_client() -> None:
    folders = {
        value.removeprefix("otel_llm.instrument.clients.").removesuffix(":CLIENT") for value in LINES.values()
    }
    assert folders
    assert all(has_client(CLIENTS / folder) for folder in folders)
