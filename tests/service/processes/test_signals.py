"""What signals do to the real command, and what systemd hears of it."""

import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import trustme
from support.service import LengthPipeline, service
from support.spans import body, span

from otel_llm.ports import free_port

COMMAND = [sys.executable, "-m", "otel_llm", "collector"]
FREE_PORTS = ["--grpc-port", "0", "--http-port", "0", "--telemetry-port", "0"]
PROTOBUF = {"content-type": "application/x-protobuf"}


@contextmanager
def started(settings: Path, *options: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    command = [*COMMAND, *FREE_PORTS, "--config", str(settings), *options]
    with settings.with_name("stderr.log").open("w") as log:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, text=True, env=os.environ | environment
        )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    path = tmp_path / "service.yaml"
    path.write_text("evaluate: {evaluators: [secrets], drift: {enabled: false}}\nshutdown_timeout_s: 600\n")
    return path


def hears_hangup(process: subprocess.Popen[str]) -> bool:
    """Return whether a SIGHUP does not end it; fail if one would while libraries are loaded, which takes long."""
    assert process.poll() is None
    folder = Path(f"/proc/{process.pid}")
    loading = "cygrpc" in (folder / "maps").read_text()
    masks = re.findall(r"^Sig(?:Blk|Cgt):\s+(\w+)$", (folder / "status").read_text(), re.MULTILINE)
    heard = any(int(mask, 16) & 1 << signal.SIGHUP - 1 for mask in masks)
    assert heard or not loading
    return heard


@pytest.mark.parametrize("processes", [1, 2])
def test_a_reload_that_comes_during_the_start_ends_nothing(settings: Path, processes: int) -> None:
    settings.write_text(settings.read_text() + f"processes: {processes}\n")
    with started(settings) as process:
        while not hears_hangup(process):
            time.sleep(0.001)
        while not select.select([process.stdout], [], [], 0.05)[0]:
            process.send_signal(signal.SIGHUP)
        assert process.stdout.readline().startswith("ready: ")
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


@pytest.mark.parametrize("processes", [1, 2])
def test_who_asks_twice_to_stop_does_not_wait(settings: Path, processes: int, tmp_path: Path) -> None:
    settings.write_text(settings.read_text() + f"processes: {processes}\nqueue: {{folder: {tmp_path}/queue}}\n")
    nowhere = f"http://127.0.0.1:{free_port()}"
    with started(settings, "--events-endpoint", nowhere) as process:
        http = process.stdout.readline().replace(",", "").split()[4]
        httpx.post(f"{http}/v1/traces", content=body(span()), headers=PROTOBUF).raise_for_status()
        process.send_signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(2)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) in {143, 1}  # of several, the parent says that one of them failed


def test_systemd_hears_when_the_service_is_ready(settings: Path, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(30)
        with started(settings, NOTIFY_SOCKET=str(tmp_path / "notify")) as process:
            assert systemd.recv(100) == b"READY=1"
            assert process.stdout.readline().startswith("ready: ")


def test_the_address_says_whether_it_is_https(pipeline: LengthPipeline, tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    certificate.private_key_and_cert_chain_pem.write_to_path(tmp_path / "own.pem")
    tls = {"cert_file": tmp_path / "own.pem", "key_file": tmp_path / "own.pem"}
    with service(pipeline, receive={"tls": tls}) as at:
        assert at.http.startswith("https://")
