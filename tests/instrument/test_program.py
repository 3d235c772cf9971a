"""`otel-llm run` by its path, as systemd, Docker and cron call it: no environment is activated."""

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent
WHICH = "import sys; print(sys.executable)"


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """An environment without otel-llm, and a script of it."""
    folder = tmp_path_factory.mktemp("other")
    venv.create(folder, symlinks=True)
    (folder / "bin" / "served").write_text(f"#!{folder}/bin/python\n{WHICH}\n")
    (folder / "bin" / "served").chmod(0o755)
    (folder / "bin" / "shell").write_text("#!/bin/sh\necho a shell\n")
    (folder / "bin" / "shell").chmod(0o755)
    return folder / "bin"


def run(*program, path):
    environment = {key: value for key, value in os.environ.items() if not key.startswith("OTEL_")}
    return subprocess.run(
        [BIN / "otel-llm", "run", "--endpoint", "http://127.0.0.1:9", "--", *program],
        env={**environment, "PATH": str(path), "OTEL_SDK_DISABLED": "true"},
        check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


def test_a_name_is_the_program_of_our_environment(other):
    done = run("python", "-c", WHICH, path=other)
    assert (done.returncode, done.stdout) == (0, f"{BIN}/python\n")
    assert (
        done.stderr == f"otel-llm run: {BIN}/python runs, of otel-llm's environment, not {other}/python of PATH\n"
    )


@pytest.mark.parametrize("path", [BIN, "/nowhere"], ids=["activated", "not on PATH"])
def test_nothing_is_said_where_there_is_one_program_of_the_name(path):
    done = run("python", "-c", WHICH, path=path)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{BIN}/python\n", "")


@pytest.mark.parametrize("program", ["python", "served"])
def test_a_python_without_otel_llm_is_refused(other, program):
    done = run(f"{other}/{program}", "-c", WHICH, path=BIN)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        f"otel-llm: otel-llm run: {other}/{program} is run by {other}/python, which has no otel-llm: install it "
        f"there (in a checkout of it: {other}/python -m pip install ./evaluators .), or name a program of {BIN}\n"
    )


def test_a_script_of_path_alone_is_found_and_its_python_is_looked_at(other):
    done = run("served", path=other)
    assert done.returncode == 1
    assert "which has no otel-llm" in done.stderr


def test_what_is_no_python_program_runs(other):
    done = run("shell", path=f"{other}:/bin:/usr/bin")
    assert (done.returncode, done.stdout) == (0, "a shell\n")
