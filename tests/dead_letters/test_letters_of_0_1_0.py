"""A file of dead letters that version 0.1.0 wrote is read: see written_by_0_1_0/README.md."""

import shutil
from pathlib import Path

from otel_llm.dead_letters.lines import LetterLine, filtered, read
from otel_llm.dead_letters.writer import DeadLetters

WRITTEN = Path(__file__).parent / "written_by_0_1_0" / "dead-letters.jsonl"
SPAN = ("000102030405060708090a0b0c0d0e0f", "0001020304050607")


def test_its_letters_are_read() -> None:
    letters = [line.letter for line in read(WRITTEN)]
    assert [(each.stage, each.signal, each.tenant, each.items, each.reason) for each in letters if each] == [
        ("decode", "traces", "team-ä", 1, "gen_ai.input.messages is not JSON"),
        ("evaluate", "logs", "", 0, "10 processes died while they had it"),
        ("forward", "metrics", "", 0, "400 Bad Request"),
        ("events", "logs", "", 1, "404 Not Found"),
    ]
    assert [[(span.trace_id, span.span_id, span.name) for span in each.spans] for each in letters if each] == [
        [(*SPAN, "chat gpt-4o")], [], [], [(*SPAN, "")],
    ]  # fmt: skip
    assert [bool(each.body) for each in letters if each] == [True, True, False, True]


def test_its_lines_are_written_as_they_were() -> None:
    assert b"".join(line.letter.line() for line in read(WRITTEN) if line.letter) == WRITTEN.read_bytes()


def test_its_letters_are_taken_out_and_new_ones_put_behind_the_rest(tmp_path: Path) -> None:
    path = Path(shutil.copy(WRITTEN, tmp_path))

    def is_done(line: LetterLine) -> bool:
        return line.letter is not None and line.letter.stage != "events"

    filtered(path, is_done)
    DeadLetters(path).add("decode", "new", "traces", "", b"")
    assert [line.letter and (line.letter.stage, line.letter.reason) for line in read(path)] == [
        ("events", "404 Not Found"),
        ("decode", "new"),
    ]
