"""Stand-ins for functions and methods of other libraries: put in, and taken out again."""

from __future__ import annotations

import inspect
from collections.abc import Callable
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
        setattr(owner, name, ours)
        self._done.append(_Done(owner, name, own, ours))

    def take_out(self) -> list[str]:
        """Put the originals back. Return the names that other code has replaced since: these stay as they are."""
        left = []
        while self._done:
            owner, name, own, ours = self._done.pop()
            if vars(owner).get(name) is not ours:
                left.append(f"{owner.__name__}.{name}")
            elif own is _INHERITED:
                delattr(owner, name)
            else:
                setattr(owner, name, own)
        return left[::-1]
