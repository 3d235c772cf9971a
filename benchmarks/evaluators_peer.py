"""The environment of the torch side, made once and kept, and its process, which is asked line by line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

HERE = Path(__file__).parent
sys.path.append(str(HERE / "instrument"))  # its scripts import each other by their bare names

from environments import environment  # noqa: E402 - the line before makes it importable
from subjects import Subject  # noqa: E402

TORCH = Subject(
    label="torch",
    distribution="torch and transformers",
    # the newest of November 2026
    requirements=("torch==2.15.0", "transformers==5.23.0"),
    instrument=lambda _: None,
)
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}


class Torch:
    """`evaluators_torch.py`, which waits without using the processor while it is not asked."""

    def __init__(self, python: Path | None, environments: Path, tokenizer: Path) -> None:
        interpreter = python or environment(environments, "evaluators-torch", TORCH)
        self._process = subprocess.Popen(
            [interpreter, HERE / "evaluators_torch.py", tokenizer],
            env={**os.environ, **ONE_THREAD, "HF_HUB_OFFLINE": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.memory_mib = 0.0

    def seconds(self, do: str, **arguments: Any) -> float:
        """Return how long the work took there; the first time includes the making of the model."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        self._process.stdin.flush()
        if not (line := self._process.stdout.readline()):
            raise SystemExit(f"evaluators_torch.py ended with exit status {self._process.wait()}; see above")
        answer = json.loads(line)
        self.memory_mib = answer["memory_mib"]
        return float(answer["seconds"])

    def __enter__(self) -> Torch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
