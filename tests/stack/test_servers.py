"""Where servers are looked for, and what is said when one is missing or does not start."""

import stat
from pathlib import Path

import pytest
from support.servers import need

from otel_llm.demo import servers
from otel_llm.demo.servers import (
    COLLECTOR,
    CollectorPorts,
    ServerProgram,
    start_alertmanager,
    start_collector,
    start_prometheus,
)
from otel_llm.errors import PortTakenError, ServerError
from otel_llm.ports import bind

PROGRAMS = [servers.COLLECTOR, servers.PROMETHEUS, servers.ALERTMANAGER, servers.PROMTOOL]


def program(folder: Path, name: str) -> Path:
    path = folder / name
    path.write_text("#!/bin/sh\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A machine without servers: its one folder of programs, and its cache."""
    folders = tmp_path / "bin", tmp_path / "cache"
    for folder in folders:
        folder.mkdir()
    monkeypatch.setenv("PATH", str(folders[0]))
    monkeypatch.setenv("OTEL_LLM_CACHE_DIR", str(folders[1]))
    return folders


def test_a_program_on_path_comes_before_the_one_in_the_cache(bare: tuple[Path, Path]) -> None:
    assert COLLECTOR.find() is None
    cached = program(bare[1], "otelcol")
    assert COLLECTOR.find() == cached
    on_path = program(bare[0], "otelcol")
    assert COLLECTOR.find() == on_path
    assert program(bare[0], "otelcol-contrib") == COLLECTOR.require()


def test_a_collector_that_does_not_take_the_tap_does_not_count(bare: tuple[Path, Path]) -> None:
    program(bare[0], "otelcol").write_text("#!/bin/sh\nexit 1\n")
    assert COLLECTOR.find() is None
    cached = program(bare[1], "otelcol")
    assert COLLECTOR.find() == cached


@pytest.mark.parametrize("missing", PROGRAMS, ids=lambda one: one.title)
@pytest.mark.usefixtures("bare")
def test_a_missing_program_is_an_error_that_gives_the_command(missing: ServerProgram) -> None:
    with pytest.raises(ServerError, match=r"is not here \(.* on PATH\); get it with: .*install-servers\.sh$"):
        missing.require()


def test_the_command_that_gets_servers_is_there() -> None:
    assert Path(servers.remedy()).stat().st_mode & stat.S_IXUSR


def test_a_rule_file_that_prometheus_refuses_is_an_error_with_its_log(tmp_path: Path) -> None:
    need(servers.PROMETHEUS)
    rules = tmp_path / "rules.yaml"
    rules.write_text("groups: [{name: a, rules: [{record: b, expr: 'sum by ('}]}]")
    with pytest.raises(ServerError, match=r"(?s)prometheus exited with status \d+:.*parse error"):
        start_prometheus(tmp_path, targets={}, rule_files=[rules])


def test_a_port_that_is_taken_is_an_error_that_names_the_option(tmp_path: Path) -> None:
    need(servers.PROMETHEUS, servers.ALERTMANAGER, servers.COLLECTOR)
    with bind("127.0.0.1", 0, "") as other:
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortTakenError, match=f"port {port} .* --prometheus-port"):
            start_prometheus(tmp_path, targets={}, port=port)
        with pytest.raises(PortTakenError, match=f"port {port} .* --alertmanager-port"):
            start_alertmanager(tmp_path, webhook_url="http://127.0.0.1:1", port=port)
        with pytest.raises(PortTakenError, match=f"port {port} .* --grpc-port"):
            start_collector(tmp_path, evaluation="127.0.0.1:1", ports=CollectorPorts(grpc=port))


def test_a_collector_with_an_overlay_that_is_wrong_is_an_error_with_its_log(tmp_path: Path) -> None:
    need(servers.COLLECTOR)
    with pytest.raises(ServerError, match=r"(?s)collector exited with status \d+:.*nonesuch"):
        start_collector(tmp_path, evaluation="127.0.0.1:1", overlays=["yaml:exporters: {nonesuch: {}}"])
