import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from otlp_sink import OtlpSink, otlp_sink
from support.servers import need
from support.spans import body, span

from otel_llm.dead_letters.command import command
from otel_llm.dead_letters.letter import Letter
from otel_llm.dead_letters.lines import LetterLine, filtered
from otel_llm.dead_letters.replay import Replay
from otel_llm.dead_letters.resend import Resender
from otel_llm.dead_letters.writer import DeadLetters
from otel_llm.demo.servers import COLLECTOR, start_collector
from otel_llm.errors import ConfigError


@pytest.fixture
def letters(tmp_path: Path) -> Path:
    path = tmp_path / "letters"
    written = DeadLetters(path)
    for n, stage in enumerate(("decode", "forward", "events", "forward")):
        written.add(stage, f"reason {n}", "traces", "team-a" if n else "", body(span(name=f"span {n}")))
    return path


@pytest.fixture
def sink() -> Iterator[OtlpSink]:
    with otlp_sink() as running:
        yield running


def replay(*arguments: str | Path) -> Result:
    return CliRunner().invoke(command, list(map(str, arguments)))


def names(sink: OtlpSink) -> list[str]:
    return [each.name for _, each in sink.spans]


def reasons(path: Path) -> list[str]:
    return [Letter.model_validate_json(line).reason for line in path.read_bytes().splitlines()]


@contextlib.contextmanager
def receiver(answer: Callable[[BaseHTTPRequestHandler], tuple[int, dict[str, str], bytes]]) -> Iterator[str]:
    """A receiver that refuses as it is told: a real one cannot be made to. It speaks HTTP as OTLP wants it."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            status, headers, content = answer(self)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_all_are_delivered_and_the_file_is_empty(letters: Path, sink: OtlpSink) -> None:
    result = replay(letters, "--to", sink.endpoint)
    assert (result.exit_code, result.output) == (0, "4 delivered\n")
    assert names(sink) == ["span 0", "span 1", "span 2", "span 3"]
    assert letters.read_bytes() == b""
    assert not letters.with_name("letters.replaying").exists()


def test_a_real_collector_takes_them(letters: Path, tmp_path: Path, sink: OtlpSink) -> None:
    need(COLLECTOR)
    with start_collector(tmp_path, evaluation="127.0.0.1:1", traces_url=sink.endpoint) as collector:
        result = replay(letters, "--to", collector.http_url)
        assert (result.exit_code, result.output) == (0, "4 delivered\n")
        sink.wait_for(lambda _: len(sink.spans) >= 4)
    assert sorted(names(sink)) == ["span 0", "span 1", "span 2", "span 3"]


def test_stages_and_a_limit_choose(letters: Path, sink: OtlpSink) -> None:
    result = replay(letters, "--to", sink.endpoint, "--stage", "forward", "--limit", "1")
    assert (result.exit_code, result.output) == (0, "1 delivered, 3 not chosen\n")
    assert names(sink) == ["span 1"]
    assert reasons(letters) == ["reason 0", "reason 2", "reason 3"]


def test_the_file_may_be_kept(letters: Path, sink: OtlpSink) -> None:
    before = letters.read_bytes()
    assert replay(letters, "--to", sink.endpoint, "--keep").exit_code == 0
    assert (len(names(sink)), letters.read_bytes()) == (4, before)


def test_what_is_refused_stays_and_is_said(letters: Path) -> None:
    tenants = []

    def answer(request: BaseHTTPRequestHandler) -> tuple[int, dict[str, str], bytes]:
        tenants.append((request.path, request.headers["X-Scope-OrgID"], request.headers["Authorization"]))
        rejected = ExportTraceServiceResponse(partial_success={"rejected_spans": 1, "error_message": "no ids"})
        return [
            (200, {}, b""),
            (400, {}, b"bad"),
            (200, {}, rejected.SerializeToString()),
            (302, {"Location": "/"}, b""),
        ][len(tenants) - 1]

    with receiver(answer) as url:
        result = replay(letters, "--to", url + "/", "--header", "Authorization=Bearer x")
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "line 2 is refused: 400 Bad Request: bad",
        "line 3 is refused: 1 of 1 rejected: no ids",
        "line 4 is refused: 302 Found",
    ]
    assert result.stdout == "1 delivered, 3 refused\n"
    assert tenants == [("/v1/traces", None, "Bearer x")] + [("/v1/traces", "team-a", "Bearer x")] * 3
    assert reasons(letters) == ["reason 1", "reason 2", "reason 3"]


def test_a_receiver_that_asks_for_time_gets_it(letters: Path) -> None:
    waits: list[float] = []
    answers = [(503, {"Retry-After": "7"}, b""), (429, {}, b""), (200, {}, b"")]
    letter = Letter.model_validate_json(letters.read_bytes().splitlines()[0])
    with receiver(lambda _: answers.pop(0)) as url:
        assert Resender(url, wait=waits.append).send(letter).refusal is None
    assert waits == [7, 1]


def test_a_receiver_that_is_not_there_is_not_tried_for_each_letter(
    letters: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    waits: list[float] = []
    with receiver(lambda _: (200, {}, b"")) as url:
        pass  # its port is free again
    tried = Replay(Resender(url, wait=waits.append).send, [], None)
    filtered(letters, tried.is_done)
    assert not tried.succeeded
    assert tried.summary() == "0 delivered, 1 refused, 3 not tried"
    assert "Connection refused" in capsys.readouterr().err
    assert waits == [0.5, 1, 2, 4]
    assert reasons(letters) == ["reason 0", "reason 1", "reason 2", "reason 3"]


def test_the_file_belongs_to_whom_it_belonged_before(letters: Path) -> None:
    letters.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(letters, 1234, 1235)
    before = letters.stat()
    filtered(letters, lambda _: True)
    after = letters.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert after.st_ino != before.st_ino


def test_a_bad_line_is_named_and_kept(letters: Path, sink: OtlpSink) -> None:
    lines = letters.read_bytes().splitlines(keepends=True)
    letters.write_bytes(lines[0] + b"{}\n" + lines[1] + b'{"torn')
    result = replay(letters, "--to", sink.endpoint)
    assert (result.exit_code, result.stdout) == (1, "2 delivered, 2 lines that are no letters\n")
    assert [line[:36] for line in result.stderr.splitlines()] == [
        "line 2 is no dead letter: time: Fiel",
        "line 4 is no dead letter: Invalid JS",
    ]
    assert letters.read_bytes() == b'{}\n{"torn\n'


def test_the_list_shows_and_sends_nothing(letters: Path) -> None:
    before = letters.read_bytes()
    result = replay(letters, "--list", "--stage", "forward")
    assert result.exit_code == 0
    rows = [row for row in result.output.splitlines() if "forward" in row]
    ids = f"{span().trace_id.hex()}/{span().span_id.hex()}"
    for row, n in zip(rows, (1, 3), strict=True):
        for text in ("shop", "1 traces of team-a", f"{ids} span {n}", f"reason {n}"):
            assert text in row
    assert letters.read_bytes() == before


def test_letters_that_come_meanwhile_stay_behind_those_that_are_left(letters: Path) -> None:
    service = DeadLetters(letters)

    def is_done(line: LetterLine) -> bool:
        service.add("forward", f"new {line.number}", "traces", "", body(span()))
        return line.number != 2

    filtered(letters, is_done)
    assert reasons(letters) == ["reason 1", "new 1", "new 2", "new 3", "new 4"]


def test_an_interruption_loses_nothing(letters: Path) -> None:
    def is_done(line: LetterLine) -> bool:
        if line.number == 3:
            raise KeyboardInterrupt
        return True

    with pytest.raises(KeyboardInterrupt):
        filtered(letters, is_done)
    assert reasons(letters) == ["reason 2", "reason 3"]


def test_what_a_crash_left_is_taken_up_again(letters: Path, sink: OtlpSink) -> None:
    letters.rename(letters.with_name("letters.replaying"))
    DeadLetters(letters).add("forward", "new", "traces", "", body(span(name="new")))
    assert replay(letters, "--to", sink.endpoint).exit_code == 0
    assert names(sink) == ["span 0", "span 1", "span 2", "span 3", "new"]
    assert letters.read_bytes() == b""


def test_two_replays_do_not_work_on_one_file(letters: Path) -> None:
    def is_done(_: LetterLine) -> bool:
        DeadLetters(letters).add("forward", "new", "traces", "", body(span()))
        with pytest.raises(ConfigError, match=r"letters\.replaying: another replay is at work on it"):
            filtered(letters, lambda _: True)
        return True

    filtered(letters, is_done)
    assert reasons(letters) == ["new"] * 4


@pytest.mark.parametrize(
    ("option", "value", "error"),
    [
        ("--to", "localhost:4318", "--to: must be a URL such as http://localhost:4318, got 'localhost:4318'"),
        ("--header", "token", "--header: must be NAME=VALUE, got 'token'"),
    ],
)
def test_a_wrong_option_is_said(letters: Path, option: str, value: str, error: str) -> None:
    result = replay(letters, option, value)
    assert isinstance(result.exception, ConfigError)
    assert str(result.exception) == error
