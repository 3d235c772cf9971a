"""One virtual environment for each subject, made once and kept; and children that run in it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from subjects import CHECKOUT, Subject

HERE = Path(__file__).parent
# what would change what a subject does
FOREIGN = ("OTEL_", "TRACELOOP_", "OPENINFERENCE_", "OPENLIT_", "OPENAI_", "PYTHON")


def environment(folder: Path, name: str, subject: Subject) -> Path:
    """Return the interpreter of the subject's environment; make the environment if it is not there."""
    made_from = [sys.version, *subject.requirements, (CHECKOUT / "pyproject.toml").read_text(encoding="utf-8")]
    digest = hashlib.sha256(json.dumps(made_from).encode()).hexdigest()[:12]
    place = folder / f"{name}-{digest}"
    python, complete = place / "bin" / "python", place / "complete"
    if not complete.exists():
        print(f"installing {subject.distribution} in {place} ...", file=sys.stderr)
        shutil.rmtree(place, ignore_errors=True)
        _install(place, python, subject.requirements)
        complete.touch()
    return python


def _install(place: Path, python: Path, requirements: Sequence[str]) -> None:
    if uv := shutil.which("uv"):
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, place], check=True)
        subprocess.run([uv, "pip", "install", "--quiet", "--python", python, *requirements], check=True)
    else:
        subprocess.run([sys.executable, "-m", "venv", place], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *requirements], check=True)


def run_child(python: Path, script: str, arguments: Sequence[str], variables: Mapping[str, str]) -> Any:
    """Return what a script of this folder writes, run in an environment; its own stdout may hold anything."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder, "written.json")
        command = [str(python), str(HERE / script), str(written), *arguments]
        done = subprocess.run(
            command, env={**kept, **variables}, cwd=folder, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(command)}: exit status {done.returncode}\n{done.stderr[-4000:]}")
        return json.loads(written.read_text(encoding="utf-8"))
