"""Stand-ins for functions and methods of other libraries: put in, and taken out again.

Another library may have wrapped the inherited method of a subclass before, such as `OpenAI.request` of
`SyncAPIClient.request`. Its wrapper holds the original, and would pass our stand-in by. So the stand-in also takes
the place of the original in the wrapper.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from types import CellType
from typing import Any, Final, NamedTuple, TypeAlias

_Function: TypeAlias = Callable[..., Any]
_KINDS: Final = (staticmethod, classmethod)


class _Done(NamedTuple):
    """One replacement."""

    owner: Any
    """The class or module whose function is replaced."""
    name: str
    own: Any
    """The owner's own function or descriptor. `_INHERITED` means that only a base class has one."""
    ours: Any


_INHERITED: Final = object()


class StandIns:
    """Stand-ins that are put in together and taken out together.

    Not thread-safe: the callers of `put` and `take_out` hold a lock of their own.
    """

    def __init__(self) -> None:
        self._done: list[_Done] = []
        self._rewired: list[tuple[Any, Any, Any]] = []
        """Wrappers of other libraries that call a stand-in, with the original and the stand-in."""

    def __bool__(self) -> bool:
        return bool(self._done)

    def put(self, owner: Any, name: str, make: Callable[[_Function], _Function]) -> None:
        """Replace an owner's function with the result of `make` for the original.

        Args:
            owner: a class or a module.
            name: the name of a method, static method, class method or function.
            make: returns the stand-in. For a static or class method, `make` gets the inner function; the inner
                function of a class method takes the class as its first argument.
        """
        own = vars(owner).get(name, _INHERITED)
        kind = next((kind for kind in _KINDS if isinstance(inspect.getattr_static(owner, name), kind)), None)
        if kind is None:
            ours: Any = make(getattr(owner, name))
        else:
            ours = kind(make(inspect.getattr_static(owner, name).__func__))
        original = inspect.getattr_static(owner, name)
        setattr(owner, name, ours)
        self._done.append(_Done(owner, name, own, ours))
        if kind is None and isinstance(owner, type):
            for wrapper in _wrappers_in_subclasses(owner, name):
                if _rewire(wrapper, original, ours):
                    self._rewired.append((wrapper, original, ours))

    def take_out(self) -> list[str]:
        """Put the originals back. Return the names that other code has replaced since: these stay as they are."""
        left = []
        while self._rewired:
            wrapper, original, ours = self._rewired.pop()
            _rewire(wrapper, ours, original)
        while self._done:
            owner, name, own, ours = self._done.pop()
            if vars(owner).get(name) is not ours:
                left.append(f"{owner.__name__}.{name}")
            elif own is _INHERITED:
                delattr(owner, name)
            else:
                setattr(owner, name, own)
        return left[::-1]


def _wrappers_in_subclasses(owner: type[Any], name: str) -> Iterator[Any]:
    for subclass in owner.__subclasses__():
        if name in vars(subclass):
            yield vars(subclass)[name]
        yield from _wrappers_in_subclasses(subclass, name)


def _rewire(wrapper: Any, old: Any, new: Any) -> bool:
    """Have a wrapper, or one that it wraps, call `new` in place of `old`. Return True if one of them called `old`.

    A wrapper of `wrapt` is a proxy of the function that it calls. A decorated function has it in its closure.
    """
    seen: set[int] = set()
    while wrapper is not None and wrapper is not old and id(wrapper) not in seen:
        seen.add(id(wrapper))
        cells = [cell for cell in getattr(wrapper, "__closure__", None) or () if _content(cell) is old]
        for cell in cells:
            cell.cell_contents = new
        inner = getattr(wrapper, "__wrapped__", None)
        if inner is old:
            wrapper.__wrapped__ = new
        if cells or inner is old:
            return True
        wrapper = inner
    return False


def _content(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not assigned yet
        return None
