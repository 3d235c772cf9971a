"""`python benchmarks/overload.py` for a few seconds: what must hold under overload holds, whatever the figures."""

import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
SHORT = ["--queue-mib", "4", "--spans", "50", "--capacity-s", "1", "--overload-s", "3", "--connections", "3"]


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
@pytest.mark.parametrize("queue", ["memory", "disk"])
def test_overload_is_refused_retryably_and_loses_nothing(queue: str) -> None:
    command = [sys.executable, CHECKOUT / "benchmarks" / "overload.py", "--queue", queue, *SHORT]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    # the benchmark looks at the properties itself, and names those that do not hold
    assert done.returncode == 0, done.stdout + done.stderr
    (row,) = [line.strip("| ").split(" | ") for line in done.stdout.splitlines()[2:3]]
    name, _, _, _, taken, refused, other = row
    assert (name, other) == (queue, "0")
    assert int(taken.replace(",", "")) > 0
    assert int(refused.replace(",", "")) > 0
