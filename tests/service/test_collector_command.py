"""The real command, with the installed evaluators, as a process."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from otlp_sink import otlp_sink, plain
from support.spans import body, chat_attributes, span, unreadable

from otel_llm.errors import ConfigError, OtelLlmError
from otel_llm.evaluate.run.pipeline import Pipeline
from otel_llm.ports import bind
from otel_llm.service.command import command

COMMAND = [sys.executable, "-m", "otel_llm", "collector"]
FREE_PORTS = ["--grpc-port", "0", "--http-port", "0", "--telemetry-port", "0"]
PROTOBUF = {"content-type": "application/x-protobuf"}


class Command:
    def __init__(self, *options: str) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, *FREE_PORTS, *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONWARNINGS": "default"},
        )
        words = self.process.stdout.readline().replace(",", "").split()
        assert words[:2] == ["ready:", "OTLP/gRPC"], self.process.communicate()[1]
        self.http, self.telemetry = words[4], words[6].removesuffix("/metrics")

    def read_log(self, part: str) -> str:
        """Return the next line of the log that has such a part."""
        return next(line for line in self.process.stderr if part in line)

    def stop(self, number: signal.Signals) -> tuple[int, str, str]:
        self.process.send_signal(number)
        out, log = self.process.communicate(timeout=60)
        return self.process.returncode, out, log


@pytest.fixture
def started() -> Iterator[list[Command]]:
    commands: list[Command] = []
    yield commands
    for each in commands:
        each.process.kill()
        each.process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains_within_the_deadline_and_exits_with_0(
    started: list[Command], tmp_path: Path, number: signal.Signals
) -> None:
    spans = [span(chat_attributes(f"Question {n}?"), span_id=n.to_bytes(8)) for n in range(1, 31)]
    config = tmp_path / "service.yaml"
    config.write_text(f"queue: {{max_batch: 4, folder: {tmp_path / 'queue'}}}\nshutdown_timeout_s: 20\n")
    with otlp_sink() as sink:
        service = Command("--config", str(config), "--events-endpoint", sink.endpoint)
        started.append(service)
        httpx.post(f"{service.http}/v1/traces", content=body(*spans), headers=PROTOBUF).raise_for_status()
        status, out, log = service.stop(number)
    assert (status, out) == (0, "")
    assert json.loads(log)["message"].startswith("stopping, within 20 s: ")
    evaluators = len(Pipeline.load(evaluate_settings()).evaluators)
    assert {record.span_id for _, record in sink.logs} == (
        {sent.span_id for sent in spans} if evaluators else set()
    )


def test_encoding_on_several_threads_does_not_hold_up_the_end(started: list[Command], tmp_path: Path) -> None:
    long = "Where is it? " * 2000
    spans = [span(chat_attributes(f"{n} {long}"), span_id=n.to_bytes(8)) for n in range(1, 301)]  # a minute's work
    config = tmp_path / "service.yaml"
    config.write_text("queue: {max_batch: 300}\nshutdown_timeout_s: 1\nevaluate: {threads: 2}\n")
    service = Command("--config", str(config))
    started.append(service)
    httpx.post(f"{service.http}/v1/traces", content=body(*spans), headers=PROTOBUF).raise_for_status()
    status, _, log = service.stop(signal.SIGTERM)
    assert status == 0
    assert "1 requests were not done before shutdown_timeout_s was over: they are lost" in log
    assert "could not be evaluated" not in log


def evaluate_settings():
    from otel_llm.config.evaluate import EvaluateSettings

    return EvaluateSettings()


def test_the_log_is_one_json_object_a_line(started: list[Command]) -> None:
    service = Command("--debug-calls")
    started.append(service)
    assert httpx.get(f"{service.telemetry}/healthz").status_code == 200
    httpx.post(f"{service.http}/v1/traces", content=unreadable(body(span())), headers=PROTOBUF).raise_for_status()
    before = [
        service.read_log("queue.folder"),
        service.read_log("events.endpoint"),
        service.read_log("dead letter"),
    ]
    _, _, log = service.stop(signal.SIGTERM)
    lines = [json.loads(line) for line in (*before, *log.splitlines())]
    assert [(line["level"], line["logger"]) for line in lines] == [
        ("warning", "otel_llm.service.stages.storage"),
        ("warning", "otel_llm.service.stages.storage"),
        ("warning", "otel_llm.dead_letters.writer"),
        ("info", "otel_llm.service.assembly"),
    ]
    assert "queue.folder is not set" in lines[0]["message"]
    assert "events.endpoint is not set" in lines[1]["message"]
    assert "dead letter: decode: span b7ad6b7169203331" in lines[2]["message"]


def test_a_hangup_reads_the_settings_again(started: list[Command], tmp_path: Path) -> None:
    config = tmp_path / "service.yaml"
    config.write_text("evaluate: {evaluators: [pii]}\n")
    with otlp_sink() as sink:
        service = Command("--config", str(config), "--events-endpoint", sink.endpoint)
        started.append(service)

        def evaluators_of(number: int) -> set[str]:
            content = body(span(span_id=number.to_bytes(8)))
            httpx.post(f"{service.http}/v1/traces", content=content, headers=PROTOBUF).raise_for_status()
            records = [
                plain(record.attributes)
                for _, record in sink.wait_for(
                    lambda sink: [each for each in sink.logs if each[1].span_id == number.to_bytes(8)]
                )
            ]
            return {record["gen_ai.evaluation.name"] for record in records}

        assert evaluators_of(1) == {"pii"}
        config.write_text("evaluate: {evaluators: [nothing of ours]}\n")
        service.process.send_signal(signal.SIGHUP)
        said = json.loads(service.read_log("stay as they were"))["message"]
        assert "evaluate.evaluators" in said
        assert "nothing of ours" in said
        assert evaluators_of(2) == {"pii"}
        config.write_text("grpc_port: 1\nevaluate: {evaluators: [secrets]}\n")
        service.process.send_signal(signal.SIGHUP)
        service.read_log("the settings were read again")
        assert evaluators_of(3) == {"secrets"}
        assert service.stop(signal.SIGTERM)[0] == 0


def test_check_says_whether_the_service_would_start(tmp_path: Path) -> None:
    config = tmp_path / "service.yaml"
    config.write_text("evaluate: {evaluators: [pii]}\nselection: {sampling: {pii: 0.5}}\n")
    outcome = CliRunner().invoke(command, ["--config", str(config), "--check", *FREE_PORTS])
    assert (outcome.exit_code, outcome.output) == (0, "the settings are valid\n")


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ("evaluate: {evaluators: [nothing]}", "evaluate.evaluators: 'nothing' is not installed"),
        ("evaluate: {evaluators: [toxicty]}", ": did you mean 'toxicity'?"),
        ("evaluate: {drift: {baseline: nope.npz}}", "evaluate.drift.baseline: nope.npz must be a baseline file"),
        ("evaluate: {providers: [CUDAExecutionProvider]}", "evaluate.providers: must be among"),
        ("host: nowhere.invalid", "host must be an address of this machine"),
        ("telemetry_host: 203.0.113.9", "host must be an address of this machine"),
        ("http_port: 4317", "grpc_port, http_port and telemetry_port must differ, got 4317 twice"),
        ("selection: {sampling: {nothing: 0.5}}", "selection.sampling: must be of the evaluators that run"),
        ("receive: {tls: {cert_file: a.pem, key_file: b.pem}}", "receive.tls.cert_file"),
        ("receive: {bearer_tokens_file: nowhere}", "receive.bearer_tokens_file 'nowhere' cannot be read"),
        ("queue: {folder: /etc/hostname/queue}", "queue.folder: '/etc/hostname/queue' cannot be made or written"),
        ("queue: {folder: /proc/queue}", "queue.folder: '/proc/queue' cannot be made or written"),
        ("dead_letters: {file: /proc/letters/a.jsonl}", "dead_letters.file: '/proc/letters' cannot be made or"),
        ("dead_letters: {file: /etc/hostname/letters}", "dead_letters.file: '/etc/hostname' cannot be made or"),
        ("dead_letters: {file: /etc}", "dead_letters.file: must be a file, got the folder '/etc'"),
        ("events: {endpoint: 'https://a', tls: {ca_file: nope.pem}}", "events.tls.ca_file 'nope.pem' must be"),
        ("forward: {endpoint: 'grpcs://a', tls: {ca_file: nope.pem}}", "forward.tls.ca_file 'nope.pem' must be"),
    ],
)
def test_check_names_what_is_wrong(tmp_path: Path, settings: str, problem: str) -> None:
    config = tmp_path / "service.yaml"
    config.write_text(settings)
    outcome = CliRunner().invoke(command, ["--config", str(config), "--check"])
    assert isinstance(outcome.exception, OtelLlmError)
    assert problem in str(outcome.exception)


def test_the_command_leaves_the_mask_of_signals_as_it_was() -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    CliRunner().invoke(command, ["--check", *FREE_PORTS])
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before


def test_check_tells_of_taken_ports_and_is_no_error_for_them() -> None:
    with bind("127.0.0.1", 0, "") as sock:
        port = sock.getsockname()[1]
        outcome = CliRunner().invoke(command, ["--check", *FREE_PORTS, "--http-port", str(port)])
    assert (outcome.exit_code, outcome.stdout) == (0, "the settings are valid\n")
    assert outcome.stderr == (
        f"otel-llm: http_port: port {port} on 127.0.0.1 is taken: by this service if it runs already, else "
        "choose another\n"
    )


def test_the_start_says_what_check_says_with_the_whole_key(tmp_path: Path) -> None:
    config = tmp_path / "service.yaml"
    config.write_text("evaluate: {evaluators: [toxicty]}\n")
    outcome = CliRunner().invoke(command, ["--config", str(config), *FREE_PORTS])
    assert isinstance(outcome.exception, ConfigError)
    assert str(outcome.exception).startswith("evaluate.evaluators: 'toxicty' is not installed")


def test_check_neither_makes_nor_writes_anything(tmp_path: Path) -> None:
    settings = {"QUEUE__FOLDER": tmp_path / "queue", "DEAD_LETTERS__FILE": tmp_path / "letters" / "a.jsonl"}
    environment = {f"OTEL_LLM_COLLECTOR_{name}": str(path) for name, path in settings.items()}
    assert CliRunner().invoke(command, ["--check"], env=environment).exit_code == 0
    assert not list(tmp_path.iterdir())


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Path]:
    """A folder that this user may not look into; root may look into all, and is nobody meanwhile."""
    folder, user = tmp_path / "closed", os.geteuid()
    folder.mkdir(mode=0)
    if user == 0:
        os.seteuid(65534)
    yield folder
    os.seteuid(user)
    folder.chmod(0o700)  # so that pytest can remove it


def test_a_folder_that_may_not_be_looked_into_is_named(closed: Path) -> None:
    environment = {"OTEL_LLM_COLLECTOR_DEAD_LETTERS__FILE": str(closed / "of mine" / "letters")}
    outcome = CliRunner().invoke(command, ["--check"], env=environment)
    assert isinstance(outcome.exception, ConfigError)
    assert "of mine' cannot be made or written by this user" in str(outcome.exception)


def test_the_environment_comes_before_the_file_and_an_option_before_both(tmp_path: Path) -> None:
    config = tmp_path / "service.yaml"
    config.write_text("grpc_port: 1\nhttp_port: 2\n")
    environment = {"OTEL_LLM_COLLECTOR_HTTP_PORT": "many", "OTEL_LLM_COLLECTOR_GRPC_PORT": "3"}
    outcome = CliRunner().invoke(command, ["--config", str(config), "--check"], env=environment)
    assert isinstance(outcome.exception, ConfigError)
    assert "http_port (OTEL_LLM_COLLECTOR_HTTP_PORT): " in str(outcome.exception)
    options = ["--config", str(config), "--check", "--http-port", "4"]
    assert CliRunner().invoke(command, options, env=environment).exit_code == 0


def test_a_taken_port_is_one_line_that_names_the_option() -> None:
    with bind("127.0.0.1", 0, "") as taken:
        taken.listen()
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [*COMMAND, *FREE_PORTS, "--http-port", port], capture_output=True, text=True, timeout=60, check=False
        )
    assert done.returncode == 1
    assert done.stderr == (
        f"otel-llm: port {port} on 127.0.0.1 is taken: choose another with --http-port (0: any free one)\n"
    )


def test_an_unknown_key_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "service.yaml"
    path.write_text("queue: {max_batches: 5}")
    outcome = CliRunner().invoke(command, ["--config", str(path)])
    assert isinstance(outcome.exception, ConfigError)
    assert str(outcome.exception) == (
        f"{path}: queue.max_batches is not a setting: did you mean max_batch?"
        " known here: folder, max_bytes, fsync, max_batch, max_delay_s, max_batch_bytes"
    )


@pytest.mark.parametrize(("key", "value"), [("content", "strip"), ("max_wait_s", 1)])
def test_a_setting_without_effect_is_said(tmp_path: Path, key: str, value: object) -> None:
    path = tmp_path / "service.yaml"
    path.write_text(f"inline: {{{key}: {value}}}")
    done = subprocess.run([*COMMAND, "--check", "--config", path], capture_output=True, text=True, check=True)
    assert done.stderr == (
        f"otel-llm: inline.{key} has no effect: forward.endpoint is not set, and nothing is passed on\n"
    )
    assert done.stdout == "the settings are valid\n"


def test_it_is_logged_at_the_start_too(started: list[Command], tmp_path: Path) -> None:
    path = tmp_path / "service.yaml"
    path.write_text("inline: {content: strip}\nevaluate: {evaluators: [pii], drift: {enabled: false}}\n")
    service = Command("--config", str(path))
    started.append(service)
    _, _, log = service.stop(signal.SIGTERM)
    lines = [json.loads(line) for line in log.splitlines()]
    said = [line["level"] for line in lines if line["message"].startswith("inline.content has no effect: ")]
    assert said == ["warning"]


def test_inline_settings_have_an_effect_where_it_passes_on(tmp_path: Path) -> None:
    path = tmp_path / "service.yaml"
    path.write_text("inline: {content: strip}\nforward: {endpoint: 'http://localhost:4318'}\n")
    outcome = CliRunner().invoke(command, ["--check", "--config", str(path)])
    assert outcome.output == "the settings are valid\n"
