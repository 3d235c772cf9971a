"""That a failed test tells of its programs, and that one which passes tells of none."""

import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
PROBE = """
import subprocess, sys
import pytest

PROGRAM = "import sys, time; print(sys.argv[1], flush=True); time.sleep(60 * (len(sys.argv) > 2))"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    (folder / "part.log").write_text("a part's own log")
    with (folder / "output").open("w") as output:
        process = subprocess.Popen([sys.executable, "-c", PROGRAM, "the server's output", "stays"], stdout=output)
    while not (folder / "output").read_text():
        pass
    yield process
    process.kill()
    process.wait()


def test_that_passes(server):
    subprocess.run([sys.executable, "-c", PROGRAM, "of a test that passed"], check=True, capture_output=True)


def test_that_fails(server):
    with subprocess.Popen([sys.executable, "-c", PROGRAM, "left in the pipe"], stdout=subprocess.PIPE) as process:
        process.wait()
        code = "import sys; sys.exit('why it ended')"
        assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


def test_behind_it(server):
    assert server.poll() is not None
"""


def test_a_failed_test_tells_of_the_programs_that_it_stands_on(tmp_path: Path) -> None:
    (tmp_path / "test_probe.py").write_text(PROBE)
    command = [sys.executable, "-m", "pytest", "-p", "support.programs", "-p", "no:cacheprovider", tmp_path]
    environment = os.environ | {"PYTHONPATH": str(TESTS)}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert "2 failed, 1 passed" in done.stdout
    _, first, second = done.stdout.partition("short test summary")[0].split("def test_")
    for told in ("the server's output\n", "a part's own log\n", "ran when the test failed\n"):
        assert told in first
        assert told in second
    assert "left in the pipe\n" in first
    assert "had ended with status 1 when the test failed\nwhy it ended\n" in first
    assert "why it ended" not in second
    assert "of a test that passed\n" not in done.stdout
