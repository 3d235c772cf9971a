"""What one deploys: the systemd unit, the image and the compose file say what the service understands."""

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from support.require import require

from otel_llm.assets import asset
from otel_llm.config.environment import overrides
from otel_llm.config.service import ENVIRONMENT_PREFIX, ServiceSettings, load_settings
from otel_llm.service.processes.supervise import _GRACE_S

UNIT = asset("collector", "otel-llm.service").read_text()
DOCKERFILE = asset("collector", "Dockerfile").read_text().replace("\\\n", " ")
COMPOSE = yaml.safe_load(asset("collector", "compose.yaml").read_text())["services"]
STATE = Path("/var/lib/otel-llm")
NO_REPORTS = {"ORT_DISABLE_TELEMETRY": "1"}


def unit(key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", UNIT, re.MULTILINE)


def instruction(name: str) -> str:
    """The last of that name in the Dockerfile: what holds for the image."""
    return re.findall(rf"^{name} (.*)$", DOCKERFILE, re.MULTILINE)[-1]


def image_environment() -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in shlex.split(instruction("ENV")))


def settings(environment: dict[str, str]) -> ServiceSettings:
    assert overrides(ENVIRONMENT_PREFIX, environment)
    return load_settings(asset("collector", "service.yaml"), {}, environment)


@pytest.mark.parametrize(
    "environment",
    [dict(pair.split("=", 1) for pair in unit("Environment")), image_environment()],
    ids=["unit", "image"],
)
def test_what_was_acknowledged_is_kept_where_it_may_be_written_and_nothing_reports_home(
    environment: dict[str, str],
) -> None:
    given = settings(environment)
    assert given.queue.folder == STATE / "queue"
    assert given.dead_letters.file == STATE / "dead-letters.jsonl"
    assert NO_REPORTS.items() <= environment.items()


def test_the_unit_and_compose_leave_the_time_to_drain() -> None:
    least_s = ServiceSettings().shutdown_timeout_s + _GRACE_S
    stop = [int(unit("TimeoutStopSec")[0]), int(COMPOSE["otel-llm"]["stop_grace_period"].removesuffix("s"))]
    assert all(each_s > least_s for each_s in stop), (stop, least_s)


def test_systemd_takes_the_unit_and_finds_it_little_exposed(tmp_path: Path) -> None:
    require(analyze := shutil.which("systemd-analyze"), "systemd-analyze", "apt-get install systemd")
    file = tmp_path / "otel-llm.service"
    file.write_text(UNIT.replace("/opt/otel-llm/bin/otel-llm", sys.executable))  # it must be there
    verified = subprocess.run([analyze, "verify", file], capture_output=True, text=True, check=False)
    about_it = [line for line in verified.stderr.splitlines() if file.name in line]
    assert (verified.returncode, about_it) == (0, [])
    rating = subprocess.run(
        [analyze, "security", "--offline=true", "--threshold=15", file],
        capture_output=True,
        text=True,
        check=False,
    )
    assert rating.returncode == 0, rating.stdout.splitlines()[-1]


def test_the_image_runs_as_a_number_and_shows_the_ports_that_are_listened_on() -> None:
    user, group = instruction("USER").split(":")
    assert int(user) > 0
    assert int(group) > 0
    given = settings(image_environment())
    assert given.host == "0.0.0.0"
    assert instruction("EXPOSE").split() == [
        str(port) for port in (given.grpc_port, given.http_port, given.telemetry_port)
    ]
    assert instruction("VOLUME") == str(STATE)


def health_check(telemetry: str) -> int:
    """Run the image's, on the port of that URL, where the environment names a proxy, and return its status."""
    words = json.loads(instruction("HEALTHCHECK").partition("CMD ")[2])
    assert words[0] == "python"
    script = words[2].replace("8888", telemetry.rpartition(":")[2])
    environment = os.environ | {"http_proxy": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}
    return subprocess.run(
        [sys.executable, words[1], script], env=environment, capture_output=True, timeout=30, check=False
    ).returncode


def test_the_image_is_healthy_while_the_service_lives(running) -> None:
    assert health_check(running.telemetry) == 0


def test_the_image_is_not_healthy_where_nothing_answers() -> None:
    with socket.socket() as bound:  # and not listening
        bound.bind(("127.0.0.1", 0))
        assert health_check(f"http://127.0.0.1:{bound.getsockname()[1]}") != 0


def test_compose_tells_both_what_they_know() -> None:
    service, collector = COMPOSE["otel-llm"], COMPOSE["collector"]
    assert settings(service["environment"]).events.endpoint == "http://collector:14318"
    known = set(re.findall(r"\$\{env:(\w+)", asset("collector", "tap.yaml").read_text()))
    assert set(collector["environment"]) <= known
    assert collector["environment"]["TAP_EVALUATION"] == f"otel-llm:{ServiceSettings().grpc_port}"
    assert collector["environment"]["TAP_EVENTS"].endswith(":14318")


def test_compose_gives_the_service_no_right_it_does_not_need() -> None:
    service = COMPOSE["otel-llm"]
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["volumes"] == [f"otel-llm:{STATE}"]
