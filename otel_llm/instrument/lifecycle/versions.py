"""Tests whether a version of a library is within a range."""

from __future__ import annotations

import re
from typing import Final

_RANGE: Final = re.compile(r"\s*>=\s*([\d.]+)\s*,\s*<\s*([\d.]+)\s*")
_RELEASE: Final = re.compile(r"\d+(?:\.\d+)*")


def is_within(installed: str, versions: str) -> bool:
    """Return True if a version is in the range of a PEP 440 specifier, pre-releases included."""
    if (bounds := _RANGE.fullmatch(versions)) is not None and _RELEASE.fullmatch(installed):
        # the usual case, without the 9 ms for the import of `packaging`
        lowest, beyond = (_release(bound) for bound in bounds.groups())
        return lowest <= _release(installed) < beyond
    from packaging.specifiers import SpecifierSet  # noqa: PLC0415 - see above

    return SpecifierSet(versions).contains(installed, prereleases=True)


def _release(version: str) -> tuple[int, ...]:
    numbers = [int(number) for number in version.split(".")]
    while numbers and numbers[-1] == 0:  # 2 and 2.0 are the same version
        numbers.pop()
    return tuple(numbers)
