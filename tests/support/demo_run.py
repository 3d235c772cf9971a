"""`otel-llm demo` as a process of its own, and what is left of it."""

import os
import re
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

from otel_llm.config.cache import cache_folder
from otel_llm.errors import ModelError
from otel_llm.serve.models.weights import ensure_weights
from support.require import require

PORTS = ("model", "grpc", "http", "telemetry", "prometheus", "alertmanager")
_MARK = "OTEL_LLM_TEST_DEMO"
_PATIENCE_S = 180
"""No run takes as long on a machine that does other work too: who waits this long has found a fault."""
_LOG_LINES = 30

needs_proc = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="reads /proc to find processes")


def need_weights() -> None:
    """Skip the test, or fail it where servers are required, unless the model's weights can be had."""
    try:
        ensure_weights(cache_folder())
    except ModelError as error:
        require(None, f"the model's weights ({error})", "otel-llm serve, once, on a connected machine")


class DemoRun:
    """A demo on free ports, with its output and its logs in a folder. Use as a context manager."""

    def __init__(self, folder: Path, *options: str) -> None:
        ports = [text for name in PORTS for text in (f"--{name}-port", "0") if f"--{name}-port" not in options]
        self._mark = uuid.uuid4().hex
        self.folder = folder
        self._output = folder / "output.txt"
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "otel_llm", "demo", *ports, *options],
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "TMPDIR": str(folder), _MARK: self._mark},
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        return self._output.read_text()

    @property
    def report(self) -> str:
        """The exit status, the output and the end of each log: what a failed test shows."""
        tails = {path.name: path.read_text(errors="replace") for path in sorted(self.folder.rglob("*.log"))}
        logs = [f"--- {name}\n" + "\n".join(text.splitlines()[-_LOG_LINES:]) for name, text in tails.items()]
        return f"exit status {self._process.poll()}, output:\n{self.output}\n" + "\n".join(logs)

    def wait_for(self, pattern: str, timeout_s: float = _PATIENCE_S) -> None:
        """Return once a line of the output matches."""
        deadline = time.monotonic() + timeout_s
        while not re.search(pattern, self.output, re.MULTILINE):
            assert self._process.poll() is None, self.report
            assert time.monotonic() < deadline, self.report
            time.sleep(0.05)

    def wait_for_processes(self, count: int, timeout_s: float = _PATIENCE_S) -> None:
        """Return once the demo has at least as many processes that are alive, or, for 0, none.

        Two that start at nearly the same time may never be seen one by one.
        """
        deadline = time.monotonic() + timeout_s
        while (alive := len(self.processes())) < count or (not count and alive):
            assert time.monotonic() < deadline, f"{self.processes()}\n{self.report}"
            time.sleep(0.005)

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def wait(self, timeout_s: float = _PATIENCE_S) -> int:
        """Return the exit code."""
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the demo did not end within {timeout_s:g} s: {self.report}") from None

    def address(self, part: str) -> str:
        """Return the base URL of a part, as the demo printed it."""
        found = re.search(rf"^{part} (\S+): ", self.output, re.MULTILINE)
        assert found, self.report
        return f"http://{found[1]}"

    def processes(self) -> dict[int, str]:
        """Return the command lines of the demo's processes that are alive, itself among them."""
        found = {}
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                try:
                    if f"{_MARK}={self._mark}".encode() in (folder / "environ").read_bytes():
                        found[int(folder.name)] = (folder / "cmdline").read_text().replace("\0", " ")
                except OSError:
                    continue  # it has just ended, or is not ours
        return found

    def __enter__(self) -> "DemoRun":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()


def summary(run: DemoRun) -> dict[str, tuple[bool, str]]:
    """Return the summary as promise -> (kept, what was seen)."""
    lines = re.findall(r"^ ([✓✗])\s{2,}(.+?)\s{2,}(.+?)\s*$", run.output, re.MULTILINE)
    assert lines, f"the demo printed no summary: {run.report}"
    return {promise: (mark == "✓", seen) for mark, promise, seen in lines}
