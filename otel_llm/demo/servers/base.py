"""The base of every server: a ready process, its ports, and its configuration file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import yaml

from otel_llm.demo.child_process import ChildProcess
from otel_llm.ports import bind, bind_free

HOST: Final = "127.0.0.1"
_READY_S: Final = 30


@dataclass(frozen=True, kw_only=True)
class RunningServer:
    """A server that is ready. Use as a context manager, or call `stop`."""

    process: ChildProcess
    url: str

    def stop(self) -> None:
        """Stop the process."""
        self.process.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def start(
    name: str,
    command: Sequence[str],
    folder: Path,
    *,
    ready_url: str,
    environment: Mapping[str, str] | None = None,
) -> ChildProcess:
    """Return the process once `ready_url` answers; the log is `<name>.log` in the folder.

    Raises:
        ServerError: the process cannot be started, exited, or did not answer in time.
    """
    process = ChildProcess(name, command, log_path=folder / f"{name}.log", environment=environment)
    try:
        process.wait_ready(ready_url, _READY_S)
    except BaseException:
        process.stop()
        raise
    return process


def free_ports(ports: Mapping[str, int]) -> list[int]:
    """Return the ports, keyed by the demo's options, each 0 replaced by a free one.

    All ports are held until all are found, so that they differ. A port in use is found here: else its owner would
    answer in place of the new server.

    Raises:
        PortTakenError: a port is in use.
    """
    with ExitStack() as held:
        opened = (bind(HOST, port, option) if port else bind_free(HOST) for option, port in ports.items())
        return [held.enter_context(sock).getsockname()[1] for sock in opened]


def duration(seconds: float) -> str:
    """Return seconds in the notation of Prometheus and Alertmanager."""
    return f"{round(seconds * 1000)}ms"


def write_yaml(path: Path, configuration: Mapping[str, Any]) -> Path:
    """Write the configuration, and return the path."""
    path.write_text(yaml.safe_dump(configuration, sort_keys=False))
    return path
