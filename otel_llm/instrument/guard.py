"""No failure of ours ever reaches the app: a failure is logged once, and raised only if tests ask for that."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

_P = ParamSpec("_P")
_T = TypeVar("_T")

log: Final = logging.getLogger("otel_llm")

_reported: set[tuple[str, str]] = set()
_REPORTED_LIMIT: Final = 1_000  # a failure whose text differs each time must not fill the memory
_raising = False


def raise_failures(raising: bool) -> None:
    """Raise failures of ours instead of logging them, if True: for tests alone."""
    global _raising  # noqa: PLW0603 - one per process, like the logging that it stands in for
    _raising = raising


def report(where: str, error: Exception) -> None:
    """Log a failure of ours, once for each combination of place and text."""
    if _raising:
        raise error
    key = (where, f"{type(error).__name__}: {error}")
    if key in _reported or len(_reported) >= _REPORTED_LIMIT:
        return
    _reported.add(key)
    log.warning(
        "otel-llm: %s failed, the app is not affected: %s", where, key[1], exc_info=log.isEnabledFor(logging.DEBUG)
    )


def report_no_thread(error: RuntimeError) -> None:
    """Report that no thread can start; not if that is because the interpreter ends, when calls go without one."""
    if "interpreter shutdown" not in str(error):  # CPython's wording, 3.12 to 3.14
        report("starting a thread", error)


def guarded(where: str) -> Callable[[Callable[_P, _T]], Callable[_P, _T | None]]:
    """Return a decorator: if the function fails, the failure is reported for `where`, and None is returned."""

    def decorate(function: Callable[_P, _T]) -> Callable[_P, _T | None]:
        @functools.wraps(function)
        def guarded_function(*args: _P.args, **kwargs: _P.kwargs) -> _T | None:
            try:
                return function(*args, **kwargs)
            except Exception as error:
                report(where, error)
                return None

        return guarded_function

    return decorate
