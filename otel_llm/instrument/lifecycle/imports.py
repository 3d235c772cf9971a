"""Runs functions when a module has been imported.

wrapt can do this too, but its import takes as long as the import of this whole package and OpenTelemetry's API.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Final

from otel_llm.instrument.guard import report


def when_imported(name: str, tell: Callable[[], None]) -> None:
    """Call `tell`, which must not raise, when the module has been imported; now, if it is imported already."""
    if name in sys.modules:
        tell()
        return
    _awaited.setdefault(name, []).append(tell)
    if _FINDER not in sys.meta_path:
        sys.meta_path.insert(0, _FINDER)


class _Finder:
    """A finder that finds nothing itself: other finders find the module, and its loader calls `tell`."""

    def __init__(self) -> None:
        self._finding: set[str] = set()

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec that the other finders find, for awaited modules alone."""
        if name not in _awaited or name in self._finding:
            return None
        self._finding.add(name)
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self._finding.discard(name)
        try:
            if spec is not None and spec.loader is not None:
                _have_it_tell(spec.loader, name)
        except Exception as error:  # a loader that accepts no attributes: the app's import must not fail
            report("awaiting a module", error)
        return spec


def _have_it_tell(loader: object, name: str) -> None:
    """Make a loader call `tell` after its work. The loader's type stays, as code may look at a module's loader."""
    load: Callable[[ModuleType], None] = loader.exec_module  # type: ignore[attr-defined]

    def load_and_tell(module: ModuleType) -> None:
        if module.__name__ != name:  # one loader may serve all modules of an archive
            load(module)
            return
        vars(loader).pop("exec_module", None)
        load(module)
        for tell in _awaited.pop(name, []):
            tell()

    loader.exec_module = load_and_tell  # type: ignore[attr-defined]


_awaited: Final[dict[str, list[Callable[[], None]]]] = {}
_FINDER: Final = _Finder()
