"""Several processes that share the ports. The children stand in for the service, and speak its protocol."""

import asyncio
import os
import signal
from pathlib import Path

import httpx
import pytest
from support.supervised import supervised

from otel_llm.ports import bind, free_port
from otel_llm.service.processes.child_process import Backoff, ChildProcess


def states(telemetry: str) -> list[dict]:
    return httpx.get(f"{telemetry}/debug.json").raise_for_status().json()["processes"]


def test_connections_to_the_one_port_reach_every_process() -> None:
    port = free_port()
    with supervised(http_port=port) as parent:
        parent.wait_ready()
        assert parent.http == f"http://127.0.0.1:{port}"
        with httpx.Client(headers={"connection": "close"}) as client:
            answers = {client.get(parent.http).text for _ in range(60)}
        assert answers == {"0", "1"}
        assert parent.stop() == (0, ["0 got SIGTERM", "1 got SIGTERM"], "")
    with bind("127.0.0.1", port, "--http-port"):
        pass


def test_ctrl_c_reaches_the_children_once_as_a_request_to_drain() -> None:
    with supervised() as parent:
        parent.wait_ready()
        assert parent.stop(signal.SIGINT) == (0, ["0 got SIGTERM", "1 got SIGTERM"], "")


def test_a_process_that_dies_is_started_again_and_the_log_says_why() -> None:
    with supervised() as parent:
        parent.wait_ready()
        pid = states(parent.telemetry)[1]["pid"]
        os.kill(pid, signal.SIGKILL)
        line = parent.next_logged()
        assert line["message"] == "process 1 ended with signal SIGKILL: it is started again in 0.01 s"
        assert line["level"] == "warning"
        assert parent.next_said("1 started") != f"1 started {pid}"
        status, said, _ = parent.stop()
        assert status == 0
        assert "0 got SIGTERM" in said


def test_a_process_that_cannot_start_ends_all_with_its_exit_code() -> None:
    with supervised("fail") as parent:
        out, log = parent.process.communicate(timeout=60)
        assert parent.process.returncode == 3
        assert "ready:" not in out
        assert "a setting is wrong\n" in log
        assert "started again" not in log


def test_a_command_that_cannot_be_run_cannot_start(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def keep() -> int:
        return await ChildProcess(0, [str(tmp_path / "nothing")], Backoff()).keep()

    assert asyncio.run(keep()) == 126
    assert [record.getMessage() for record in caplog.records] == [
        f"process 0 cannot be started: [Errno 2] No such file or directory: '{tmp_path / 'nothing'}'"
    ]


def test_the_exit_code_says_that_a_process_did_not_end_well() -> None:
    with supervised("end with 4") as parent:
        parent.wait_ready()
        assert parent.stop()[0] == 1


def test_a_process_that_does_not_end_in_time_is_killed() -> None:
    with supervised("stubborn", shutdown_timeout_s=0.1) as parent:
        parent.wait_ready()
        status, said, log = parent.stop()
    assert (status, said) == (1, ["0 got SIGTERM", "1 got SIGTERM"])
    assert "process 0 did not end within 2.1 s: it is killed" in log
    assert "process 1 did not end within 2.1 s: it is killed" in log


def test_a_reload_reaches_every_process() -> None:
    with supervised() as parent:
        parent.wait_ready()
        parent.process.send_signal(signal.SIGHUP)
        said = {parent.next_said("got SIGHUP"), parent.next_said("got SIGHUP")}
        assert said == {"0 got SIGHUP", "1 got SIGHUP"}
        assert parent.stop()[0] == 0


def test_a_process_that_starts_is_told_of_a_reload_once_it_is_ready(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    with supervised("serve", "--gate", str(gate), processes=1) as parent:
        parent.next_said("0 started")
        parent.process.send_signal(signal.SIGHUP)  # without a handler, it would end the child
        gate.write_text("")
        parent.wait_ready()
        assert parent.next_said("SIGHUP") == "0 got SIGHUP"
        assert parent.stop()[0] == 0


def test_children_end_by_themselves_when_their_parent_is_killed() -> None:
    with supervised() as parent:
        parent.wait_ready()
        parent.process.kill()
        gone = parent.process.stderr.read()  # ends once nobody holds it any more
    assert sorted(gone.splitlines()) == ["0 parent is gone", "1 parent is gone"]


def test_another_service_that_shares_its_port_is_not_joined() -> None:
    with bind("127.0.0.1", 0, "", reuse_port=True) as other:
        other.listen()
        port = other.getsockname()[1]
        with supervised(http_port=port) as parent:
            log = parent.process.communicate(timeout=60)[1]
    assert parent.process.returncode == 1
    assert f"port {port} on 127.0.0.1 is taken: choose another with --http-port" in log


def test_health_is_that_of_every_process() -> None:
    with supervised(backoff={"first_s": 3600, "most_s": 3600}) as parent:
        parent.wait_ready()
        for path in ("/healthz", "/readyz"):
            answer = httpx.get(parent.telemetry + path)
            assert (answer.status_code, answer.json()["ready"]) == (200, True)
        os.kill(states(parent.telemetry)[1]["pid"], signal.SIGKILL)
        parent.next_logged()
        for path in ("/healthz", "/readyz"):
            answer = httpx.get(parent.telemetry + path)
            assert answer.status_code == 503
            assert answer.json() == {
                "ready": False,
                "processes": [
                    {"process": 0, "state": "ready", "ready": True, "answer": "0"},
                    {"process": 1, "state": "waiting", "ready": False, "answer": None},
                ],
            }
        assert httpx.get(f"{parent.telemetry}/livez").status_code == 200
        assert parent.stop()[0] == 0


def test_a_process_waits_twice_as_long_after_each_death_until_it_has_lived_for_a_minute() -> None:
    backoff, waits = Backoff(), [0.0]
    for lived_s in (5, 0, 0, 0, 0, 0, 0, 59, 60, 0):
        waits.append(backoff.next_s(waits[-1], lived_s))
    assert waits[1:] == [1, 2, 4, 8, 16, 30, 30, 30, 1, 2]


def test_a_taken_telemetry_port_is_named() -> None:
    with bind("127.0.0.1", 0, "") as taken, supervised(telemetry_port=taken.getsockname()[1]) as parent:
        assert "--telemetry-port" in parent.process.communicate(timeout=60)[1]
