"""`python benchmarks/evaluators.py --no-torch`: our own side runs, and prints its rows."""

import re
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]


def test_our_own_side_prints_rates_the_first_result_and_memory():
    options = ["--no-torch", "--rounds", "2", "--texts", "3", "--calls", "2"]
    command = [sys.executable, CHECKOUT / "benchmarks" / "evaluators.py", *options]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert re.search(
        r"^\| toxicity, mixed lengths; .+ \| [\d.]+ \| [\d.]+ \| [\d.]+ \(", done.stdout, re.MULTILINE
    )
    assert re.search(r"first result, whole default set: [\d.]+ s\.", done.stdout)
    assert re.search(r"Resident memory, loaded: [1-9]\d+ MiB; after 2 calls: [1-9]\d+ MiB\.", done.stdout)
