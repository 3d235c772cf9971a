import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import xml.etree.ElementTree as ET
from functools import partial

import pytest
from click.testing import CliRunner
from support.command import COMMAND, evaluate

from otel_llm.cli import group
from otel_llm.cores import available_cores
from otel_llm.evaluate.offline import command, run
from otel_llm.evaluate.offline.interrupt import Interrupted, Interrupts

BOTH = ("--evaluators", "toxicity,groundedness")
LABELS = [
    ("right", "groundedness", "output", "pass"),
    ("right", "toxicity", "input", "pass"),
    ("right", "toxicity", "output", "pass"),
    ("wrong", "groundedness", "output", "fail"),
    ("wrong", "toxicity", "input", "pass"),
    ("wrong", "toxicity", "output", "pass"),
    (3, "groundedness", "output", "not_applicable"),
    (3, "toxicity", "input", "fail"),
    (3, "toxicity", "output", "pass"),
    (7, "groundedness", "output", "not_applicable"),
    (7, "toxicity", "input", "not_applicable"),
    (7, "toxicity", "output", "fail"),
]


def labels(lines):
    read = [json.loads(line) for line in lines]
    return [(each["id"], each["evaluator"], each["target"], each["label"]) for each in read]


def test_in_a_pipe_results_are_lines_and_the_summary_goes_to_stderr(answers):
    done = evaluate(answers, *BOTH)
    assert done.returncode == 0
    assert labels(done.stdout.splitlines()) == LABELS
    summary = done.stderr.decode()
    assert "4 lines in" in summary
    assert "\x1b" not in summary
    assert "evaluating" not in summary
    assert max(map(len, summary.splitlines())) <= 80


def test_conditions_decide_the_exit_code_and_are_told_with_figures(answers):
    done = evaluate(
        answers, *BOTH, "--quiet", "--format", "table", "--fail-on", "toxicity.output>1%",
        "--fail-on", "groundedness:min<=0", "--fail-on", "error",
    )  # fmt: skip
    assert done.returncode == 1
    assert "toxicity.output fails at and above" in done.stdout.decode()
    assert done.stderr.decode().splitlines() == [
        "✗ --fail-on toxicity.output>1%: 1 of 4 failed (25.0%)",
        next(
            line
            for line in done.stderr.decode().splitlines()
            if line.startswith("✓ --fail-on groundedness:min<=0")
        ),
        "✓ --fail-on error: 0 of 12 results are errors",
        "failed on 1 of 3 conditions",
    ]


def test_junit_goes_to_a_file_and_the_summary_to_stderr(answers, tmp_path):
    output = tmp_path / "results.xml"
    done = evaluate(answers, *BOTH, "--output", output, "--fail-on", "error")
    assert (done.returncode, done.stdout) == (0, b"")
    assert "groundedness.output" in done.stderr.decode()
    suites = ET.parse(output).getroot()
    assert {suite.get("name"): (suite.get("failures"), suite.get("skipped")) for suite in suites} == {
        "groundedness": ("1", "2"),
        "toxicity": ("2", "1"),
    }


def test_an_invalid_line_ends_it_before_anything_is_evaluated(answers, tmp_path):
    answers.write_text(answers.read_text() + '{"output": "A", "context": [1]}\n')
    output = tmp_path / "results.jsonl"
    done = evaluate(answers, "--evaluators", "toxicity", "--output", output)
    assert done.returncode == 2
    assert done.stderr.decode().splitlines() == [
        f"otel-llm evaluate: {answers}: 1 invalid line:",
        "  line 5: context[0]: must be a text, got 1",
        "  --skip-invalid leaves such lines out",
    ]
    assert not output.exists()


def test_invalid_lines_are_left_out_and_told(answers):
    answers.write_text("nonsense\n" + answers.read_text())
    done = evaluate(answers, "--evaluators", "toxicity", "--skip-invalid")
    assert done.returncode == 0
    assert [id_ for id_, *_ in labels(done.stdout.splitlines())] == ["right"] * 2 + ["wrong"] * 2 + [4] * 2 + [
        7
    ] * 2
    assert "left out 1 invalid line:\n  line 1: is not JSON" in done.stderr.decode()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("no-such-file",), "FILE: no-such-file cannot be read: No such file or directory"),
        (("FILE", "--evaluators", "toxic"), "evaluators: 'toxic' is not installed, these are: "),
        (("FILE", "--fail-on", "toxicity>"), "--fail-on: 'toxicity>' is no condition"),
        (("FILE", "--evaluators", "toxicity", "--fail-on", "groundedness"), "must be an evaluator that runs"),
        (("FILE", "--output", "FILE", "--format", "jsonl"), "--output: must be another file"),
        (("FILE", "--output", "results.html"), "--format: must be given, as results.html ends in none of"),
    ],
)
def test_wrong_usage_is_told_in_one_line(answers, arguments, message):
    before = answers.read_bytes()
    words = [str(answers) if word == "FILE" else word for word in arguments]
    done = CliRunner().invoke(group, ["evaluate", "--threads", "1", *words])
    assert done.exit_code == 2
    (line,) = done.stderr.splitlines()
    assert message in line
    assert answers.read_bytes() == before


def test_an_empty_stdin_is_no_success():
    done = evaluate("-", "--evaluators", "toxicity")
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode() == "otel-llm evaluate: stdin: must hold at least one record, got none\n"


def test_results_of_a_pipe_come_while_it_is_open_and_ctrl_c_ends_it_cleanly():
    process = subprocess.Popen(
        [*COMMAND, "-", "--evaluators", "toxicity"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    with process:
        process.stdin.write(b'{"output": "You stupid idiot!"}\n')
        process.stdin.flush()
        lines = [process.stdout.readline() for _ in range(2)]
        assert labels(lines)[1] == (1, "toxicity", "output", "fail")
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130
        rest, said = process.stdout.read(), process.stderr.read().decode()
    assert rest == b""
    assert "interrupted after 1 line" in said
    assert "Traceback" not in said


def test_a_reader_that_goes_away_ends_it_quietly(tmp_path):
    path = tmp_path / "many.jsonl"
    path.write_text('{"output": "Hello"}\n' * 20_000)
    process = subprocess.Popen(
        [*COMMAND, path, "--evaluators", "toxicity", "--quiet"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    with process:
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(timeout=60) == 141
        assert process.stderr.read() == b""


def on_a_terminal(*arguments):
    """Return what the command shows on a terminal of 80 columns, and its exit code."""
    main, terminal = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"}
    with subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        stdout=terminal,
        stderr=terminal,
        stdin=subprocess.DEVNULL,
        env=environment,
    ) as process:
        os.close(terminal)
        shown = bytearray()
        while select.select([main], [], [], 60)[0]:
            try:
                shown += os.read(main, 65536)
            except OSError:  # Linux says so where the last to have the terminal open has gone
                break
        os.close(main)
    return shown.decode(), process.returncode


def test_a_terminal_shows_progress_and_then_a_table(tmp_path):
    path = tmp_path / "some.jsonl"
    path.write_text('{"output": "Hello"}\n' * 40)
    shown, code = on_a_terminal(path, "--evaluators", "toxicity", "--fail-on", "any")
    assert code == 0
    assert re.search(r"evaluating .*━.* \d+/40", shown)
    assert "lines/s" in shown
    assert shown.index("/40") < shown.index("toxicity.output")
    assert "40 lines in" in shown


def test_quiet_shows_no_progress(answers):
    shown, code = on_a_terminal(answers, "--evaluators", "toxicity", "--quiet", "--format", "jsonl")
    assert code == 0
    assert labels(shown.splitlines()) == [each for each in LABELS if each[1] == "toxicity"]


def signalled(*numbers):
    """Return how many of the signals a deferred block outlived, and the exception that followed."""
    outlived = []

    def block():
        with Interrupts() as interrupts, interrupts.deferred():
            for number in numbers:
                os.kill(os.getpid(), number)
                outlived.append(number)

    with pytest.raises(Interrupted) as raised:
        block()
    return len(outlived), raised.value


def test_the_first_signal_waits_for_what_must_be_whole():
    outlived, interrupted = signalled(signal.SIGTERM)
    assert (outlived, interrupted.exit_code) == (1, 143)


def test_the_second_signal_does_not_wait():
    outlived, interrupted = signalled(signal.SIGTERM, signal.SIGINT)
    assert (outlived, interrupted.exit_code) == (1, 130)


def test_signal_handlers_are_put_back():
    before = signal.getsignal(signal.SIGINT)
    with Interrupts():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_a_signal_before_the_run_begins_is_told_from_a_condition_that_holds(answers, monkeypatch):
    monkeypatch.setattr(command, "parse_condition", lambda _: os.kill(os.getpid(), signal.SIGINT))
    done = CliRunner().invoke(group, ["evaluate", str(answers), "--fail-on", "any"])
    assert done.exit_code == 130


def test_a_fault_of_the_program_is_told_from_a_condition_that_holds(answers, monkeypatch):
    monkeypatch.setattr(run.Tally, "add", lambda *_: 1 / 0)
    done = CliRunner().invoke(group, ["evaluate", str(answers), "--evaluators", "toxicity"])
    assert done.exit_code == 2
    assert "Traceback" in done.stderr
    assert done.stderr.splitlines()[-1] == (
        "otel-llm evaluate: failed by a fault of its own: ZeroDivisionError: division by zero"
    )


def test_the_timeout_is_given_to_the_evaluators(answers, monkeypatch):
    given = {}
    monkeypatch.setattr(run, "load", lambda names, **settings: given.update(settings) or 1 / 0)
    CliRunner().invoke(group, ["evaluate", str(answers), "--threads", "1", "--timeout", "0.5"])
    assert given == {"threads": 1, "timeout_s": 0.5}


def test_help_fits_80_columns_and_loads_no_model():
    code = (
        "import sys\nfrom otel_llm.cli import group\n"
        "try: group(['evaluate', '--help'])\n"
        "except SystemExit: pass\n"
        "assert not {'numpy', 'onnxruntime'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=60)
    assert max(map(len, done.stdout.decode().splitlines())) <= 80


def test_in_a_container_with_a_quota_there_are_as_many_threads_as_cores_of_it(tmp_path, answers, monkeypatch):
    own = tmp_path / "cgroup"
    own.write_text("0::/container\n")
    (tmp_path / "container").mkdir()
    (tmp_path / "container" / "cpu.max").write_text("100000 100000\n")
    monkeypatch.setattr(command, "available_cores", partial(available_cores, tmp_path, own))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(8))
    given = {}
    monkeypatch.setattr(run, "load", lambda _, **options: given.update(options) or sys.exit())
    CliRunner().invoke(group, ["evaluate", str(answers)])
    assert given["threads"] == 1
