"""Files that are read again once they have changed, as certificates and tokens are that someone renews."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, Generic, TypeVar

from otel_llm.errors import ConfigError

T = TypeVar("T")

_log: Final = logging.getLogger(__name__)


class Watched(Generic[T]):
    """A value read from files, and read again when a file has changed. Any thread may ask."""

    def __init__(self, paths: Iterable[Path | None], read: Callable[[], T]) -> None:
        """Read them; None stands for a file that is not set.

        Raises:
            ConfigError: `read` raises it.
        """
        self._paths = [path for path in paths if path]
        self._read = read
        self._versions = self._tried = self._look()
        self.value = read()
        """The value that was read last."""

    def renew(self) -> bool:
        """Read them again where that was not done yet; return whether there is a new value.

        Files that cannot be used are named once, and tried again: until then the value is what it was.
        """
        versions = self._look()
        if versions == self._versions:
            return False
        tried, self._tried = self._tried, versions
        try:
            self.value = self._read()
        except ConfigError as error:
            if versions != tried:
                _log.error("%s; what was read before stays good", error)
            return False
        self._versions = versions
        return True

    def _look(self) -> list[tuple[int, int, int] | None]:
        return [_version(path) for path in self._paths]


def _version(path: Path) -> tuple[int, int, int] | None:
    try:
        stat = os.stat(path)  # noqa: PTH116 - for each request: half the time of Path.stat
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino
