import os
import signal

import pytest
from click.testing import CliRunner

from otel_llm.demo.command import command
from otel_llm.demo.interrupt import Interrupted, deferred, ignore, interruptible, raise_deferred
from otel_llm.errors import ConfigError, ServerError


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("grafana", "must be all, or a list of collector, prometheus, alertmanager; got 'grafana'"),
        ("alertmanager", "write prometheus,alertmanager"),
    ],
)
def test_a_wrong_list_of_servers_is_reported(given, message):
    result = CliRunner().invoke(command, ["--with", given])

    assert result.exit_code == 2
    assert message in " ".join(result.output.split())


@pytest.mark.parametrize("given", ["all", "collector", "collector, prometheus"])
def test_a_server_that_is_not_here_is_reported_with_the_command_that_gets_it(given, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("OTEL_LLM_CACHE_DIR", str(tmp_path))

    result = CliRunner().invoke(command, ["--with", given])

    assert isinstance(result.exception, ServerError)
    assert "OpenTelemetry Collector is not here" in str(result.exception)
    assert "install-servers.sh" in str(result.exception)


def test_a_picture_that_cannot_be_written_is_reported_at_the_start(tmp_path):
    result = CliRunner().invoke(command, ["--save-svg", str(tmp_path / "missing" / "view.svg")])

    assert isinstance(result.exception, ConfigError)
    assert "--save-svg" in str(result.exception)


def test_help_tells_every_option():
    output = CliRunner().invoke(command, ["--help"]).output

    for option in ("--keep", "--with", "--plain", "--save-svg", "--model-port", "--grpc-port", "--http-port"):
        assert option in output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_interrupts_and_those_that_follow_do_not(number):
    before = signal.getsignal(number)

    with interruptible():
        with pytest.raises(Interrupted) as caught:
            os.kill(os.getpid(), number)
        os.kill(os.getpid(), signal.SIGTERM)

    assert caught.value.exit_code == 128 + number
    assert signal.getsignal(number) is before


def test_a_signal_that_was_deferred_interrupts_at_the_next_safe_point():
    with interruptible():
        with deferred():
            os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(Interrupted, match="SIGTERM"):
            raise_deferred()
        raise_deferred()


def test_no_signal_interrupts_a_clean_up():
    with interruptible():
        ignore()
        os.kill(os.getpid(), signal.SIGINT)


def test_a_signal_that_the_caller_ignores_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruptible():
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)
