"""Tells when a module has been imported.

wrapt has this too, but to import wrapt takes as long as to import all of this package and OpenTelemetry's API.
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
    """Call `tell`, which must not raise, when the module has been imported; now, if it is there already."""
    if name in sys.modules:
        tell()
        return
    _awaited.setdefault(name, []).append(tell)
    if _FINDER not in sys.meta_path:
        sys.meta_path.insert(0, _FINDER)


class _Finder:
    """Finds nothing by itself: has a module that is awaited found by the others, and its loader tell."""

    def __init__(self) -> None:
        self._finding: set[str] = set()

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return what the other finders find, for the awaited modules alone."""
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
        except Exception as error:  # a loader that takes no attributes: the app's import is what counts
            report("awaiting a module", error)
        return spec


def _have_it_tell(loader: object, name: str) -> None:
    """Have a loader tell when it is through. Its type stays, as modules are asked for their loaders."""
    load: Callable[[ModuleType], None] = loader.exec_module  # type: ignore[attr-defined]

    def load_and_tell(module: ModuleType) -> None:
        if module.__name__ != name:  # one loader may serve a whole archive
            load(module)
            return
        vars(loader).pop("exec_module", None)
        load(module)
        for tell in _awaited.pop(name, []):
            tell()

    loader.exec_module = load_and_tell  # type: ignore[attr-defined]


_awaited: Final[dict[str, list[Callable[[], None]]]] = {}
_FINDER: Final = _Finder()
