"""Several processes under `supervise`, in a process of their own. As a program, it is that process."""

import asyncio
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHILD = Path(__file__).with_name("child_program.py")
TOO_LONG_S = 60


class Supervised:
    """The parent, seen from outside: its lines, its exit code, its telemetry."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.before_ready: list[str] = []
        """What the children said until all were ready."""
        self.ready = ""
        """The line that says so; empty where the parent ended before."""
        self.telemetry = self.http = ""

    def wait_ready(self) -> "Supervised":
        for line in self.process.stdout:
            if line.startswith("ready: "):
                words = line.replace(",", "").split()
                self.ready, self.http, self.telemetry = line, words[4], words[6].removesuffix("/metrics")
                return self
            self.before_ready.append(line.strip())
        raise AssertionError(self.process.stderr.read())

    def next_said(self, *parts: str) -> str:
        """Return the next line of a child with all of these parts."""
        return next(line.strip() for line in self.process.stdout if all(part in line for part in parts))

    def next_logged(self) -> Mapping[str, Any]:
        """Return the next line of the parent's log."""
        return json.loads(self.process.stderr.readline())

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, list[str], str]:
        """Return the exit code, what the children said since, and the parent's log since."""
        self.process.send_signal(number)
        out, log = self.process.communicate(timeout=TOO_LONG_S)
        return self.process.returncode, sorted(out.splitlines()), log


@contextmanager
def supervised(
    behaviour: str = "serve", *options: str, backoff: Mapping[str, float] | None = None, **settings: Any
) -> Iterator[Supervised]:
    """Run two children of this behaviour; leaving the context kills the parent if it still lives."""
    ports = {"grpc_port": 0, "http_port": 0, "telemetry_port": 0, "processes": 2}
    given = {"settings": ports | settings, "backoff": backoff or {"first_s": 0.01}}
    command = [sys.executable, str(CHILD), behaviour, *options]
    process = subprocess.Popen(
        [sys.executable, __file__, json.dumps(given), *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    hung = threading.Timer(TOO_LONG_S, process.kill)
    hung.start()
    try:
        yield Supervised(process)
    finally:
        hung.cancel()
        process.kill()
        process.communicate()  # to the end: until the children are gone, too


def main() -> int:
    from otel_llm.config.service import ServiceSettings
    from otel_llm.report.logs import configure_logging
    from otel_llm.service.processes.child_process import Backoff
    from otel_llm.service.processes.supervise import supervise

    configure_logging()
    given, command = json.loads(sys.argv[1]), sys.argv[2:]
    settings = ServiceSettings(**given["settings"])
    return asyncio.run(supervise(settings, command, backoff=Backoff(**given["backoff"])))


if __name__ == "__main__":
    sys.exit(main())
