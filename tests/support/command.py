"""`otel-llm evaluate` as a process of its own."""

import subprocess
import sys
from pathlib import Path

COMMAND = (sys.executable, "-m", "otel_llm", "evaluate", "--threads", "1")


def evaluate(*arguments: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run the command, and return what it wrote and its exit code."""
    words = [*COMMAND, *map(str, arguments)]
    return subprocess.run(words, input=stdin, capture_output=True, timeout=120, check=False)
