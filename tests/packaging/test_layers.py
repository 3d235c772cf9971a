"""docs/architecture.md against the tree: every room has its line, and a line imports only from lines above it."""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text()
MARK = "<!-- the tree is read by tests/packaging/test_layers.py -->"
PACKAGE = "otel_llm"


def tree_lines(page: str) -> list[str]:
    """Return the entries of the page's tree, such as "otel_llm.receive.http", in their order."""
    block = page.partition("<!-- the tree is read by tests/packaging/test_layers.py -->\n```\n")[2].partition(
        "```"
    )[0]
    entries: list[str] = []
    rooms: list[str] = []
    for line in block.splitlines():
        name, depth = line.split()[0], (len(line) - len(line.lstrip())) // 2
        rooms[depth:] = [name.removesuffix("/").removesuffix(".py")]
        entries.append(".".join(rooms))
    return entries[1:]


def modules(root: Path) -> dict[str, Path]:
    """Return every module below the root by its dotted name; a package is its `__init__`."""
    found = {}
    for path in root.joinpath(PACKAGE).rglob("*.py"):
        parts = path.relative_to(root).with_suffix("").parts
        found[".".join(parts)] = path
    return found


def imported(path: Path, known: Mapping[str, Path]) -> Iterator[str]:
    """Yield the modules of the package that are imported anywhere in a file, for types too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}, line {node.lineno}: an import must name its module from {PACKAGE} on"
            for name in node.names:
                yield from named(f"{node.module}.{name.name}", known) or named(str(node.module), known)
        elif isinstance(node, ast.Import):
            for name in node.names:
                yield from named(name.name, known)


def named(name: str, known: Mapping[str, Path]) -> list[str]:
    return [module for module in (name, f"{name}.__init__") if module in known]


def imports(root: Path) -> dict[str, set[str]]:
    known = modules(root)
    return {module: set(imported(path, known)) - {module} for module, path in known.items()}


def place(module: str, order: Mapping[str, int]) -> int:
    """Return how far down a module's line is: its own, or that of the room that it is in."""
    name = module
    while name not in order:
        name = name.rpartition(".")[0]
        if not name:
            return len(order)  # the package itself, whose public names come from every room
    # a room's `__init__` speaks for all that is in it
    inside = [at for entry, at in order.items() if entry.startswith(f"{name}.")]
    return max([order[name], *inside]) if module == f"{name}.__init__" else order[name]


def wrong(arrows: Mapping[str, set[str]], order: Mapping[str, int]) -> list[str]:
    """Return the imports that go down in the list."""
    return sorted(
        f"{module} imports {each}"
        for module, targets in arrows.items()
        for each in targets
        # to import a module is to import the packages that it is in: no arrow of its own
        if not module.startswith(each.removesuffix(".__init__") + ".")
        and place(each, order) > place(module, order)
    )


def circles(arrows: Mapping[str, set[str]]) -> list[str]:
    """Return the modules that lead back to themselves."""

    def reached(start: str) -> set[str]:
        seen: set[str] = set()
        waiting = [start]
        while waiting:
            for each in arrows.get(waiting.pop(), set()) - seen:
                seen.add(each)
                waiting.append(each)
        return seen

    return sorted(module for module in arrows if module in reached(module))


ORDER = {entry: at for at, entry in enumerate(tree_lines(PAGE))}


def test_every_module_imports_only_from_lines_above_its_own() -> None:
    assert wrong(imports(ROOT), ORDER) == []


def test_no_module_leads_back_to_itself() -> None:
    facades = {f"{PACKAGE}.__init__", f"{PACKAGE}.evaluate.__init__", f"{PACKAGE}.instrument.__init__"}
    arrows = {module: targets - facades for module, targets in imports(ROOT).items()}
    assert circles(arrows) == []


def test_the_tree_has_a_line_for_every_room() -> None:
    """In a room whose inside is listed, every entry is; the other rooms are lines of their own."""
    listed = {entry.rpartition(".")[0] for entry in ORDER} | {PACKAGE}
    there = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for room in listed
        for path in (ROOT / room.replace(".", "/")).iterdir()
        if path.suffix == ".py" or any(path.rglob("*.py"))
    }
    assert {entry for entry in there if not entry.endswith("__init__")} == ORDER.keys()


def test_every_place_that_the_page_names_is_there() -> None:
    table = PAGE.partition("## Where would I put")[2]
    places: list[str] = re.findall(r"`([\w./]+/[\w./]*)`", table)
    assert len(places) >= 10
    assert [each for each in places if not (ROOT / each).exists()] == []


@pytest.mark.parametrize(
    "source",
    [
        "import otel_llm.serve.app",
        "from otel_llm.serve import app",
        "def late():\n    from otel_llm.serve.app import App",
        "if TYPE_CHECKING:\n    from otel_llm.serve.app import App",
    ],
)
def test_an_import_downwards_is_found(source: str, tmp_path: Path) -> None:
    for name in ("receive/call.py", "serve/app.py"):
        path = tmp_path / PACKAGE / name
        path.parent.mkdir(parents=True)
        path.write_text(source if name == "receive/call.py" else "App = None")
    order = {"otel_llm.receive": 0, "otel_llm.serve": 1}
    assert wrong(imports(tmp_path), order) == ["otel_llm.receive.call imports otel_llm.serve.app"]


def test_a_circle_is_found() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}) == ["b", "c"]
