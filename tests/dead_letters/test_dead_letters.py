import json
import os
import re
import resource
import signal
import threading
import tracemalloc
from base64 import b64decode
from datetime import UTC, datetime
from pathlib import Path

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from support.spans import body, span

from otel_llm.dead_letters.file import locked
from otel_llm.dead_letters.letter import Letter
from otel_llm.dead_letters.writer import DeadLetters
from otel_llm.errors import ConfigError
from otel_llm.otlp.requests import request_of

TRACE, SPAN = bytes(range(16)), bytes(range(8))


def letters_of(path: Path) -> list[Letter]:
    return [Letter.model_validate_json(line) for line in path.read_bytes().splitlines()]


def one_span() -> bytes:
    return body(span(trace_id=TRACE, span_id=SPAN, name="chat llama"))


def test_a_letter_is_a_line_of_json_whose_body_is_the_request(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "letters.jsonl"
    letters = DeadLetters(path)
    letters.add("decode", "a span is no Span", "traces", "team-a", one_span())
    [line] = path.read_text().splitlines()
    letter = json.loads(line)
    assert abs((datetime.fromisoformat(letter.pop("time")) - datetime.now(UTC)).total_seconds()) < 60
    assert b64decode(letter.pop("body")) == one_span()
    assert letter == {
        "stage": "decode",
        "reason": "a span is no Span",
        "signal": "traces",
        "tenant": "team-a",
        "items": 1,
        "spans": [{"trace_id": TRACE.hex(), "span_id": SPAN.hex(), "name": "chat llama"}],
    }
    assert letters.counts == {"decode": 1, "evaluate": 0, "forward": 0, "events": 0}
    assert path.stat().st_mode & 0o077 == 0  # the bodies hold content


def test_letters_of_events_name_the_spans_that_they_are_about(tmp_path: Path) -> None:
    log = LogRecord(trace_id=TRACE, span_id=SPAN)
    request = ExportLogsServiceRequest(
        resource_logs=[ResourceLogs(scope_logs=[ScopeLogs(log_records=[log, log])])]
    )
    letters = DeadLetters(tmp_path / "letters")
    letters.add("events", "404 Not Found", "logs", "", request.SerializeToString())
    letters.add("forward", "400", "metrics", "", ExportMetricsServiceRequest().SerializeToString())
    logs, metrics = letters_of(tmp_path / "letters")
    assert (logs.items, [(each.trace_id, each.span_id) for each in logs.spans]) == (2, [(TRACE.hex(), SPAN.hex())])
    assert (metrics.items, metrics.spans) == (0, ())


def test_a_body_that_is_malformed_is_kept_as_it_is(tmp_path: Path) -> None:
    malformed = bytes([0x0A, 6, 0x12, 4, 0x12, 2, 0x2A, 9])  # a span whose name ends too early
    letters = DeadLetters(tmp_path / "letters")
    letters.add("decode", "malformed", "traces", "", malformed)
    letters.add("decode", "no protobuf at all", "traces", "", b"\xff")
    first, second = letters_of(tmp_path / "letters")
    assert (first.body, first.items, first.spans) == (malformed, 1, ())
    assert (second.body, second.items, second.spans) == (b"\xff", 0, ())


def test_without_a_file_the_log_says_all_but_the_content(caplog: pytest.LogCaptureFixture) -> None:
    letters = DeadLetters(None)
    letters.add("evaluate", "taken by 3 processes that died", "traces", "", one_span())
    assert letters.counts["evaluate"] == 1
    assert caplog.messages == [
        "dead letter: evaluate: taken by 3 processes that died: traces, 1 items, spans "
        "000102030405060708090a0b0c0d0e0f/0001020304050607"
    ]


def test_the_oldest_letters_make_room_and_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "letters"
    letters = DeadLetters(path, max_bytes=20_000, fsync=False)
    for n in range(100):
        letters.add("forward", str(n), "traces", "", one_span())
        assert sum(file.stat().st_size for file in tmp_path.glob("letters*")) <= 20_000
    kept = [int(letter.reason) for letter in (*letters_of(tmp_path / "letters.1"), *letters_of(path))]
    assert kept == list(range(100 - len(kept), 100))
    assert letters.dropped == 100 - len(kept) > 0
    dropped = [
        int(count) for count in re.findall(r"letters.1: (\d+) dead letters make room for new ones", caplog.text)
    ]
    assert sum(dropped) == letters.dropped


def test_a_letter_that_cannot_be_written_is_logged_and_leaves_no_half_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    letters = DeadLetters(tmp_path / "letters")
    letters.add("forward", "first", "traces", "", one_span())
    size = (tmp_path / "letters").stat().st_size
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    # refuses what goes beyond a file's size, as a full disk does what goes beyond its own
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, unlimited[1]))
    try:
        letters.add("forward", "second", "traces", "", one_span())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
        signal.signal(signal.SIGXFSZ, ignored)
    letters.add("forward", "third", "traces", "", one_span())
    assert [letter.reason for letter in letters_of(tmp_path / "letters")] == ["first", "third"]
    assert (letters.dropped, letters.counts["forward"]) == (1, 3)
    assert "a dead letter is lost: forward: second: traces, 1 items, spans 0001020304" in caplog.text


def test_a_line_that_a_power_failure_tore_spoils_no_other(tmp_path: Path) -> None:
    (tmp_path / "letters").write_bytes(b'{"time":"20')
    DeadLetters(tmp_path / "letters").add("forward", "whole", "traces", "", one_span())
    torn, whole = (tmp_path / "letters").read_bytes().splitlines()
    assert (torn, Letter.model_validate_json(whole).reason) == (b'{"time":"20', "whole")


def test_threads_write_whole_lines(tmp_path: Path) -> None:
    letters = DeadLetters(tmp_path / "letters", fsync=False)

    def write(name: str) -> None:
        for n in range(25):
            letters.add("forward", f"{name} {n}", "traces", "", one_span())

    threads = [threading.Thread(target=write, args=[name]) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reasons = [letter.reason for letter in letters_of(tmp_path / "letters")]
    assert sorted(reasons) == sorted(f"{name} {n}" for name in "abcd" for n in range(25))


def test_a_file_that_cannot_be_written_is_an_error_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(
        ConfigError, match=r"dead_letters\.file: must be a file that can be written, got '.*file/x'"
    ):
        DeadLetters(tmp_path / "file" / "x")


def test_letters_of_one_request_wait_for_the_disk_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    letters = DeadLetters(tmp_path / "letters", max_bytes=200_000)
    letters.add_all("decode", "traces", "team-a", [(str(n), one_span()) for n in range(50)])
    assert [letter.reason for letter in letters_of(tmp_path / "letters")] == [str(n) for n in range(50)]
    assert letters.counts["decode"] == 50
    assert len(synced) == 1


def test_letters_that_do_not_fit_together_are_kept_as_far_as_there_is_room(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    letters = DeadLetters(tmp_path / "letters", max_bytes=10_000, fsync=False)
    large = request_of(b"", b"x" * 20_000)
    letters.add_all("decode", "traces", "", [("first", one_span()), ("too large", large), ("last", one_span())])
    assert [letter.reason for letter in letters_of(tmp_path / "letters")] == ["first", "last"]
    assert letters.dropped == 1
    assert "dead_letters.max_bytes leaves 5000: a dead letter is lost: decode: too large" in caplog.text


def test_letters_are_drawn_a_few_at_a_time(tmp_path: Path) -> None:
    letters = DeadLetters(tmp_path / "letters", fsync=False)
    tracemalloc.start()
    letters.add_all("decode", "traces", "", ((str(n), request_of(b"", bytes(60_000))) for n in range(1000)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert letters.counts["decode"] == 1000
    assert peak < 30_000_000  # of 60 MB, and 80 MB in the file


def test_who_has_no_letters_does_not_wait_for_the_file(tmp_path: Path) -> None:
    letters = DeadLetters(tmp_path / "letters")
    with locked(tmp_path / "letters"):  # as a replay has it
        letters.add_all("forward", "traces", "", [])
    assert letters.counts["forward"] == 0
