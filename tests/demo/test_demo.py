"""The demo as its user starts it: every process real."""

import os
import re
import signal
import socket
from pathlib import Path

import pytest
from support.demo_run import DemoRun, need_weights, needs_proc

A_CALL = r"^\d\d:\d\d:\d\d  "


@pytest.fixture(scope="module", autouse=True)
def _weights():
    need_weights()


@needs_proc
def test_a_scored_call_is_shown_while_the_workload_runs_and_ctrl_c_leaves_no_process(tmp_path):
    with DemoRun(tmp_path) as run:
        run.wait_for(rf"{A_CALL}.*toxicity in ✓")
        assert len(run.processes()) == 4

        run.signal(signal.SIGINT)

        assert run.wait() == 128 + signal.SIGINT, run.report
        assert run.processes() == {}
        assert "Stopped by SIGINT after " in run.output


@needs_proc
@pytest.mark.parametrize(("number", "processes"), [(signal.SIGTERM, 2), (signal.SIGHUP, 3)])
def test_a_signal_while_it_starts_leaves_no_process(tmp_path, number, processes):
    with DemoRun(tmp_path) as run:
        run.wait_for_processes(processes)

        run.signal(number)

        assert run.wait() == 128 + number, run.report
        assert run.processes() == {}
        assert f"Stopped by {number.name} after 0 of " in run.output


@needs_proc
def test_a_part_that_dies_ends_the_demo_with_its_log(tmp_path):
    with DemoRun(tmp_path) as run:
        run.wait_for(A_CALL)
        service = next(pid for pid, command in run.processes().items() if " collector " in command)

        os.kill(service, signal.SIGKILL)

        assert run.wait() == 1, run.report
        assert run.processes() == {}
        assert "evaluation service exited with status -9" in run.output
        folder = Path(re.search(r"The logs of all parts are in (\S+)", run.output)[1])
        assert {path.name for path in folder.glob("*.log")} == {
            "model-server.log", "evaluation-service.log", "help-desk.log",
        }  # fmt: skip


@needs_proc
@pytest.mark.parametrize("processes", [2, 3, 4])
def test_a_demo_that_is_killed_takes_its_parts_along(tmp_path, processes):
    with DemoRun(tmp_path) as run:
        run.wait_for_processes(processes)  # the last of them may not have started its program yet
        run.signal(signal.SIGKILL)
        run.wait()

        run.wait_for_processes(0)


def test_a_taken_port_is_reported_before_anything_starts(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with DemoRun(tmp_path, "--telemetry-port", str(port)) as run:
            assert run.wait() == 1, run.report

    assert f"port {port} on 127.0.0.1 is taken: choose another with --telemetry-port" in run.output
    assert "starting" not in run.output
