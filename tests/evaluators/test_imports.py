"""The bundled evaluators stand on what third parties have, and on nothing else of otel-llm."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import otel_llm_evaluators

FOLDER = Path(otel_llm_evaluators.__file__).parent
README = FOLDER.parent / "README.md"
ALLOWED = "otel_llm.evaluate.api"


def imported(source: str) -> Iterator[str]:
    """Yield the modules of otel-llm that are imported anywhere in the source."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import():
                modules = [name.name for name in node.names]
            case ast.ImportFrom(module=str(module), level=0):
                # "from otel_llm.evaluate import api" names a module, too
                modules = [module if module == ALLOWED else f"{module}.{name.name}" for name in node.names]
            case _:
                continue
        yield from (module for module in modules if re.match(r"otel_llm(\.|$)", module))


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.py")), ids=lambda path: str(path.relative_to(FOLDER)))
def test_an_evaluator_imports_only_the_public_module(path: Path) -> None:
    assert set(imported(path.read_text(encoding="utf-8"))) <= {ALLOWED}


def test_the_readme_s_example_imports_only_the_public_module() -> None:
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert {module for block in blocks for module in imported(block)} == {ALLOWED}


@pytest.mark.parametrize(
    "source",
    ["import otel_llm", "from otel_llm import errors", "def late():\n    from otel_llm.errors import ModelError"],
)
def test_another_import_is_found(source: str) -> None:
    assert not set(imported(source)) <= {ALLOWED}
