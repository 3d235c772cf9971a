import io
import json

import pytest

from otel_llm.errors import RecordError
from otel_llm.evaluate.offline import record_file
from otel_llm.evaluate.offline.file_check import Inspection
from otel_llm.evaluate.offline.record_file import parse_line, read_lines
from otel_llm.evaluate.offline.record_reader import RecordReader


def outputs(data):
    return [(line.number, parse_line(line)[0].output) for lines in read_lines(io.BytesIO(data)) for line in lines]


def refusal(data):
    with pytest.raises(RecordError) as raised:
        outputs(data)
    return str(raised.value)


class SlowPipe(io.BytesIO):
    """Gives what a writer would have written so far: the pieces, one by one."""

    def __init__(self, *pieces):
        super().__init__()
        self._pieces = list(pieces)

    def read1(self, size=-1):
        return self._pieces.pop(0) if self._pieces else b""


def test_a_byte_order_mark_and_line_ends_of_windows_are_read():
    assert outputs(b'\xef\xbb\xbf{"output": "A"}\r\n{"output": "B"}\r\n') == [(1, "A"), (2, "B")]


def test_blank_lines_are_counted_and_passed_by():
    assert outputs(b'\n  \n{"output": "A"}\n\r\n{"output": "B"}') == [(3, "A"), (5, "B")]
    assert outputs(b"\xef\xbb\xbf\n") == []
    assert outputs(b"") == []


def test_a_line_separator_inside_a_text_ends_no_line():
    assert outputs('{"output": "a\u2028b\u0085c"}\n'.encode()) == [(1, "a\u2028b\u0085c")]


def test_a_line_may_come_in_pieces():
    pipe = SlowPipe(b'{"out', b'put": "A"}\n{"output"', b': "B"}\n', b'{"output": "C"}')
    assert [[line.number for line in lines] for lines in read_lines(pipe)] == [[1], [2], [3]]


def test_what_a_slow_pipe_has_written_does_not_wait_for_more():
    groups = read_lines(SlowPipe(b'{"output": "A"}\n', b'{"output": "B"}\n'))
    assert [line.number for line in next(groups)] == [1]


def test_a_huge_line_is_read():
    assert outputs(json.dumps({"output": "a" * 3_000_000}).encode()) == [(1, "a" * 3_000_000)]


def test_a_line_over_the_limit_is_refused_and_the_next_is_read(monkeypatch):
    monkeypatch.setattr(record_file, "MAX_LINE_BYTES", 2**20)
    pipe = SlowPipe(b"x" * 2**20, b"x", b"y" * 100, b'\n{"output": "B"}\n')
    long, following = [line for lines in read_lines(pipe) for line in lines]
    with pytest.raises(RecordError, match="line 1: must be at most 1 MiB long"):
        parse_line(long)
    assert parse_line(following)[0].output == "B"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'{"output": "A"}\n{"output": "A"\n', "line 2: is not JSON: Expecting ',' delimiter at column 15"),
        (b'{"output": "\xff"}', "line 1: must be UTF-8, got 0xff at byte 13"),
        ('{"output": "A"}'.encode("utf-16"), "line 1: must be UTF-8, is UTF-16: save the file as UTF-8"),
        (b'[{"output": "A"}]', "line 1: must be an object, got an array: write one object a line"),
        (b"[" * 100_000, "line 1: is not JSON that can be read"),
        (b'{"output": "A", "id": ' + b"1" * 5000 + b"}", "line 1: is not JSON that can be read"),
        (b'{"output": "A", "logprobs": [NaN]}', "line 1: logprobs[0]: must be the natural logarithm"),
        (b"null", "line 1: must be an object"),
        (b"id,input,output\n1,a,b\n", "line 1: this looks like CSV with the columns id, input, output"),
        (b"id\tanswer text\n1\ta\n", "line 1: this looks like CSV with the columns id, answer text"),
        (b'{\n  "output": "A"\n}\n', "line 1: this looks like JSON over several lines"),
        (b'[\n{"output": "A"}\n]\n', "jq -c '.[]' FILE converts it"),
        (b"Well, that is prose.\n", "line 1: is not JSON"),
        (b'{"output": "A\x00"}', "line 1: is not JSON: Invalid control character"),
    ],
)
def test_a_line_that_is_no_record_is_named(data, message):
    assert message in refusal(data)


def inspected(*records):
    inspection = Inspection()
    data = "".join(json.dumps(record) + "\n" for record in records).encode()
    for lines in read_lines(io.BytesIO(data)):
        for line in lines:
            inspection.read(line)
    return inspection


def test_ids_that_are_used_again_are_told():
    twice = inspected(*({"output": "A", "id": id_} for id_ in ("a", "b", 1, "1", "b", "b")))
    assert twice.warnings() == [
        "2 ids are used again, the first is 'b' on line 5: their results cannot be told apart"
    ]
    assert inspected({"output": "A"}, {"output": "B"}).warnings() == []


def test_a_key_that_is_likely_meant_as_another_is_told_once():
    odd = inspected(*({"output": "A", "contexts": ["B"], "expected": "C"} for _ in range(3)))
    assert odd.warnings() == ["line 1: 'contexts' is not read: did you mean 'context'?"]
    assert inspected({"output": "A", "question": "B"}).warnings() == [
        "line 1: 'question' is not read: did you mean 'input'?"
    ]
    assert inspected({"output": "A", "question": "B", "input": "B"}).warnings() == []


def test_the_first_problems_are_shown_and_all_are_counted():
    wrong = inspected(*({"output": number} for number in range(8)))
    lines = wrong.problems("x:").splitlines()
    assert lines[0] == "x: 8 invalid lines:"
    assert lines[1].startswith("  line 1: output: must be a text, got 0")
    assert lines[-1] == "  and 3 more"
    assert len(lines) == 7


def test_a_file_is_refused_before_any_of_it_is_read_for_good(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"output": "A"}\n{"output": 3}\n')
    with path.open("rb") as stream, pytest.raises(RecordError, match=r"a: 1 invalid line:\n  line 2: output"):
        RecordReader(stream, "a", skip_invalid=False, warn=pytest.fail).inspect(lambda _: None)


def test_invalid_lines_are_left_out_where_that_is_wanted(tmp_path):
    path, said = tmp_path / "a.jsonl", []
    path.write_text('{"output": "A"}\n{"output": 3}\n{"output": "C"}\n')
    with path.open("rb") as stream:
        reader = RecordReader(stream, "a", skip_invalid=True, warn=said.append)
        assert reader.inspect(lambda _: None) == 2
        assert [[record.output for record in batch] for batch in reader.batches(2)] == [["A", "C"]]
    assert [text.splitlines()[0] for text in said] == ["a: left out 1 invalid line:"]


def test_a_pipe_gives_what_comes_before_an_invalid_line():
    reader = RecordReader(
        SlowPipe(b'{"output": "A"}\n{"output": 3}\n'), "stdin", skip_invalid=False, warn=pytest.fail
    )
    assert reader.inspect(lambda _: None) is None
    batches = reader.batches(8)
    assert [record.output for record in next(batches)] == ["A"]
    with pytest.raises(RecordError, match="line 2: output: must be a text, got 3"):
        next(batches)


def test_of_a_pipe_nothing_after_an_invalid_line_is_read():
    pipe = SlowPipe(b'{"output": "A"}\n{"output": 3}\n{"output": "C"}\n{"output": 4}\n')
    batches = RecordReader(pipe, "stdin", skip_invalid=False, warn=pytest.fail).batches(8)
    assert [record.output for record in next(batches)] == ["A"]
    with pytest.raises(RecordError, match="stdin: 1 invalid line:"):
        next(batches)


def test_a_batch_is_bounded_by_records_and_by_characters():
    def sizes(lengths):
        data = b"".join(b'{"output": "A", "context": ["%s"]}\n' % (b"c" * length) for length in lengths)
        reader = RecordReader(SlowPipe(data), "stdin", skip_invalid=False, warn=pytest.fail)
        return [len(batch) for batch in reader.batches()]

    assert sizes([10] * 70) == [32, 32, 6]
    assert sizes([100_000] * 4 + [10, 300_000, 10]) == [3, 3, 1]


@pytest.mark.parametrize("skip", [True, False])
def test_a_file_without_a_record_is_refused(tmp_path, skip):
    path = tmp_path / "a.jsonl"
    path.write_text("\n")
    with path.open("rb") as stream, pytest.raises(RecordError, match="a: must hold at least one record"):
        RecordReader(stream, "a", skip_invalid=skip, warn=pytest.fail).inspect(lambda _: None)
