"""The programs of others that the demo and the tests run: where each is found, and what gets it."""

from __future__ import annotations

import shutil
import subprocess
from itertools import chain
from pathlib import Path
from typing import Final, NamedTuple

from otel_llm.assets import asset
from otel_llm.config.cache import cache_folder
from otel_llm.errors import ServerError


class Program(NamedTuple):
    """A program that others make: its title, and the names that its packages give it."""

    title: str
    names: tuple[str, ...]
    configuration: tuple[str, ...] = ()
    """The asset that its `validate` must accept: there are builds that lack what we need."""

    def find(self) -> Path | None:
        """Return where it is: on PATH, else in our cache; None when no usable one is in either."""
        on_path = (Path(found) for name in self.names if (found := shutil.which(name)))
        cached = (path for name in self.names if (path := cache_folder() / name).is_file())
        return next((path for path in chain(on_path, cached) if self._is_usable(path)), None)

    def _is_usable(self, path: Path) -> bool:
        if not self.configuration:
            return True
        command = [str(path), "validate", "--config", str(asset(*self.configuration))]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def require(self) -> Path:
        """Return where it is.

        Raises:
            ServerError: it is not here; the message gives the command that gets it.
        """
        if path := self.find():
            return path
        raise ServerError(f"{self.title} is not here ({' or '.join(self.names)} on PATH); get it with: {remedy()}")


COLLECTOR: Final = Program(
    "the OpenTelemetry Collector", ("otelcol-contrib", "otelcol"), configuration=("collector", "tap.yaml")
)
PROMETHEUS: Final = Program("Prometheus", ("prometheus",))
PROMTOOL: Final = Program("promtool", ("promtool",))
ALERTMANAGER: Final = Program("Alertmanager", ("alertmanager", "prometheus-alertmanager"))


def remedy() -> str:
    """Return the command that gets every server."""
    return str(asset("collector", "install-servers.sh"))
