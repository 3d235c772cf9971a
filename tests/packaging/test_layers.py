"""What may import what, as CONTRIBUTING.md says."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "otel_llm"


def layers(text: str) -> dict[str, int]:
    """The modules in the line with the layers, each with how far to the right it stands."""
    [line] = [line for line in text.splitlines() if line.startswith("names, config, errors")]
    return {name.strip(): place for place, names in enumerate(line.split("|")) for name in names.split(",")}


def imported(source: str) -> Iterator[str]:
    """The modules right below `otel_llm` that are imported anywhere in the source."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import():
                yield from (name.name.split(".")[1] for name in node.names if name.name.startswith("otel_llm."))
            case ast.ImportFrom() if node.level:
                raise AssertionError(f"line {node.lineno}: an import must name its module from otel_llm on")
            case ast.ImportFrom(module="otel_llm"):
                yield from (name.name for name in node.names)
            case ast.ImportFrom(module=str(module)) if module.startswith("otel_llm."):
                yield module.split(".")[1]


def imports(package: Path) -> dict[str, set[str]]:
    """The modules right below the package, each with those that it imports."""
    found: dict[str, set[str]] = {}
    for path in package.rglob("*.py"):
        module = path.relative_to(package).parts[0].removesuffix(".py")
        found.setdefault(module, set()).update(set(imported(path.read_text())) - {module})
    return found


def wrong(modules: dict[str, set[str]], places: dict[str, int]) -> list[str]:
    """Imports that go to the right; modules without a layer count as those that they import."""

    def reached(module: str, seen: set[str]) -> Iterator[str]:
        for each in modules.get(module, set()) - seen:
            seen.add(each)
            yield from [each] if each in places else reached(each, seen)

    return sorted(
        f"{module} imports {each}"
        for module in places
        for each in reached(module, {module})
        if places[each] > places[module]
    )


def test_modules_import_only_to_the_left_of_themselves() -> None:
    places, modules = layers((ROOT / "CONTRIBUTING.md").read_text()), imports(PACKAGE)
    assert places.keys() <= modules.keys()
    assert wrong(modules, places) == []


@pytest.mark.parametrize(
    "source",
    [
        "import otel_llm.serve.app",
        "from otel_llm import serve",
        "def late():\n    from otel_llm.serve.app import App",
        "from otel_llm.dead_letters.lines import LetterLine",
    ],
)
def test_an_import_to_the_right_is_found_through_modules_without_a_layer_too(source: str, tmp_path: Path) -> None:
    for name in ("receive", "serve", "replay"):
        (tmp_path / name).mkdir()
    (tmp_path / "receive" / "call.py").write_text(source)
    (tmp_path / "replay" / "lines.py").write_text("from otel_llm.serve import app")
    assert wrong(imports(tmp_path), {"receive": 0, "serve": 1}) == ["receive imports serve"]
