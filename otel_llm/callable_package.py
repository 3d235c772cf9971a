"""A package that is also a function: docs/decisions/0004-*."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any


class CallablePackage(ModuleType):
    """The class of a package that can be called; the call, its signature and its help are those of a function.

    `_FUNCTION` of the package names the function, as `module:name`. Its module is loaded when it is first used.
    """

    _FUNCTION: str

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Call the function.

        Raises:
            TypeError: an option is not one of the function's; the message names the nearest of its options.
        """
        parameters = self.__signature__.parameters
        for name in options:
            if name not in parameters:
                from difflib import get_close_matches  # noqa: PLC0415 - only where there is a mistake

                near = get_close_matches(name, parameters, n=1)
                hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(parameters)}"
                raise TypeError(f"{self.__name__}() has no argument {name!r}: {hint}")
        return self._function()(*arguments, **options)

    @property
    def __signature__(self) -> inspect.Signature:
        """The function's signature, for editors and notebooks."""
        return inspect.signature(self._function())

    @property
    def __doc__(self) -> str:  # type: ignore[override]
        """The function's help, for `help()` and `?`."""
        function = self._function()
        signature = str(self.__signature__).replace("'", "")  # annotations are texts
        return f"{inspect.getdoc(function)}\n\nCall: {self.__name__}{signature}"

    def _function(self) -> Callable[..., Any]:
        module, _, name = self._FUNCTION.partition(":")
        function: Callable[..., Any] = getattr(importlib.import_module(module), name)
        return function
