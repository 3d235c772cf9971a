"""Third-party programs that the demo and the tests run: how they are found and installed."""

from __future__ import annotations

import shutil
import subprocess
from itertools import chain
from pathlib import Path
from typing import Final, NamedTuple

from otel_llm.assets import asset
from otel_llm.config.cache import cache_folder
from otel_llm.errors import ServerError


class ServerProgram(NamedTuple):
    """A third-party program: its title, and the names that its packages give it."""

    title: str
    names: tuple[str, ...]
    configuration: tuple[str, ...] = ()
    """The asset that its command `validate` must accept: some builds lack components that we need."""

    def find(self) -> Path | None:
        """Return the path of a usable program, on PATH or else in our cache; None if there is none."""
        on_path = (Path(found) for name in self.names if (found := shutil.which(name)))
        cached = (path for name in self.names if (path := cache_folder() / name).is_file())
        return next((path for path in chain(on_path, cached) if self._is_usable(path)), None)

    def _is_usable(self, path: Path) -> bool:
        if not self.configuration:
            return True
        command = [str(path), "validate", "--config", str(asset(*self.configuration))]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def require(self) -> Path:
        """Return the path of a usable program.

        Raises:
            ServerError: there is none; the message gives the command that installs it.
        """
        if path := self.find():
            return path
        raise ServerError(f"{self.title} is not here ({' or '.join(self.names)} on PATH); get it with: {remedy()}")


COLLECTOR: Final = ServerProgram(
    "the OpenTelemetry Collector", ("otelcol-contrib", "otelcol"), configuration=("collector", "tap.yaml")
)
PROMETHEUS: Final = ServerProgram("Prometheus", ("prometheus",))
PROMTOOL: Final = ServerProgram("promtool", ("promtool",))
ALERTMANAGER: Final = ServerProgram("Alertmanager", ("alertmanager", "prometheus-alertmanager"))


def remedy() -> str:
    """Return the command that installs every server."""
    return str(asset("collector", "install-servers.sh"))
