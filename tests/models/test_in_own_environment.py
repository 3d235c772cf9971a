"""Runs the tests of this folder that need torch, in .venv-export."""

import os
import subprocess
from pathlib import Path

from support.require import require

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-export" / "bin" / "python"


def test_exports_of_original_models_pass_their_tests():
    require(PYTHON.exists(), "an environment with otel-llm[export]", "make exports")
    # no model hub is needed: what would ask one fails at once
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    command = [PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/models"]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
