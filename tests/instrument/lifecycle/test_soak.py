"""Memory stays flat, however calls and streams end: a short `python benchmarks/instrument/soak.py`."""

import os
import subprocess
import sys
from pathlib import Path

SOAK = Path(__file__).parents[3] / "benchmarks" / "instrument"
RUN = "import sys, soak; sys.exit(soak.main(sys.argv[1:]))"
# at the end of each call, one object of the smallest kind is kept
LEAK = """
from otel_llm.instrument.lifecycle.call import LiveCall

kept, end = [], LiveCall.end

def keep(self, outcome):
    kept.append(object())
    end(self, outcome)

LiveCall.end = keep
"""


def soak(code, *options):
    return subprocess.run(
        [sys.executable, "-c", code + RUN, "--quick", *options],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(SOAK)},
    )


def test_nothing_is_kept_of_a_call_however_it_ends():
    done = soak("", "--batch", "25")

    assert done.returncode == 0, done.stdout + done.stderr


def test_one_small_object_kept_in_each_call_is_seen():
    done = soak(LEAK, "--batch", "10", "--batches", "8", "--only", "answered")

    assert done.returncode == 1, done.stdout + done.stderr
    assert "not flat: answered" in done.stdout
