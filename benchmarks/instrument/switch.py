"""Takes any instrumentation out of the client and puts it back, many times a second.

Not every subject can be uninstrumented, and to instrument anew each time would also time that. All of them work by
replacing attributes of the client's classes, so we note what `instrument()` replaced, and set either. Off is then
the client as it was before, in the same process, with the same memory and the same loaded modules: a difference
between on and off is the subject's work and nothing else. That off makes no span is checked on each kind of call.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

_ABSENT = object()
# what pydantic builds on first use, and ABCs cache
_OWN = ("__pydantic", "__abstractmethods__", "_abc_", "__signature__")


class Switch:
    """On from the start, if `instrument` is all that happened in between."""

    def __init__(self, instrument: Callable[[], None]) -> None:
        before = _attributes()
        instrument()
        after = _attributes()
        self._changes = [
            (owner, name, before[owner].get(name, _ABSENT), value)
            for owner, attributes in after.items()
            if owner in before
            for name, value in attributes.items()
            if before[owner].get(name, _ABSENT) is not value and not name.startswith(_OWN)
        ]
        if not self._changes:
            raise SystemExit("the instrumentation changed nothing of the client: there is nothing to measure")

    def on(self) -> None:
        for owner, name, _, ours in self._changes:
            setattr(owner, name, ours)

    def off(self) -> None:
        for owner, name, original, _ in self._changes:
            if original is not _ABSENT:
                setattr(owner, name, original)
            elif name in vars(owner):  # inherited, before it was replaced
                delattr(owner, name)


def _attributes() -> dict[type, dict[str, Any]]:
    modules = [module for name, module in list(sys.modules.items()) if name.partition(".")[0] == "openai"]
    classes = {
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type) and value.__module__.partition(".")[0] == "openai"
    }
    return {owner: dict(vars(owner)) for owner in classes}
