"""The program that `otel-llm run` starts, and the Python that runs it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Final

import click

from otel_llm.errors import ConfigError

_HAS_US: Final = "import importlib.util, sys; sys.exit(importlib.util.find_spec('otel_llm') is None)"
_LOOK_S: Final = 20.0
_LONGEST_SHEBANG: Final = 512


def find_program(name: str, path: str | None) -> str:
    """Return the path of the program.

    A name without a folder is looked up beside otel-llm first, then on PATH: `/venv/bin/otel-llm run -- python` is
    the Python of that environment, activated or not. If PATH has another program of this name, a line on stderr
    says which one runs.

    Raises:
        ConfigError: there is no such program, or its Python has no otel-llm.
    """
    scripts = sysconfig.get_path("scripts")
    found = shutil.which(name, path=path)
    beside = None if os.sep in name else shutil.which(name, path=scripts)
    program = beside or found
    if program is None:
        raise ConfigError(
            f"otel-llm run: {name} must be a program in {scripts} or on PATH, such as python: it is in neither"
        )
    if beside and found and not _is_same(beside, found):
        click.echo(f"otel-llm run: {beside} runs, of otel-llm's environment, not {found} of PATH", err=True)
    interpreter = _interpreter_of(Path(program))
    if interpreter and not _is_same(str(Path(interpreter).parent), scripts) and not _has_us(interpreter):
        raise ConfigError(
            f"otel-llm run: {program} is run by {interpreter}, which has no otel-llm: install it there "
            f"(in a checkout of it: {interpreter} -m pip install ./evaluators .), or name a program of {scripts}"
        )
    return program


def _interpreter_of(program: Path) -> str | None:
    """Return the Python that runs the program: itself, or that of its first line; None if neither is a Python."""
    if program.name.startswith("python"):
        return str(program)
    with program.open("rb") as file:
        first, *arguments = file.readline(_LONGEST_SHEBANG).split() or [b""]
    if not first.startswith(b"#!"):
        return None
    # "#!/usr/bin/env python3" looks on PATH
    named = arguments[0] if first.endswith(b"/env") and arguments else first.removeprefix(b"#!")
    interpreter = shutil.which(os.fsdecode(named))
    return interpreter if interpreter and Path(interpreter).name.startswith("python") else None


def _has_us(interpreter: str) -> bool:
    done = subprocess.run(
        [interpreter, "-c", _HAS_US],
        cwd=Path(interpreter).parent,  # a checkout in the working folder is not what the program will find
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=_LOOK_S,
        check=False,
    )
    return done.returncode == 0


def _is_same(one: str, other: str) -> bool:
    """Return True if both paths are the same file."""
    # no symbolic links are followed: each environment's `python` is a link to the same interpreter
    return os.path.normpath(one) == os.path.normpath(other)
