"""One run of `otel-llm evaluate`: a file of records in, results and an exit code out."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

from rich.console import Console
from rich.text import Text

from otel_llm.evaluate.offline import input_output
from otel_llm.evaluate.offline.formats.json_lines import Format, JsonlWriter, Writer
from otel_llm.evaluate.offline.formats.junit import JunitWriter
from otel_llm.evaluate.offline.formats.table import TableWriter, console_for, width_on
from otel_llm.evaluate.offline.interrupt import Interrupted, Interrupts
from otel_llm.evaluate.offline.loaded_evaluators import LoadedEvaluators, load
from otel_llm.evaluate.offline.progress import LineProgress
from otel_llm.evaluate.offline.record_reader import RecordReader
from otel_llm.evaluate.offline.tally import Tally
from otel_llm.evaluate.offline.thresholds import Condition, check, check_names


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettings:
    """The options of the command."""

    file: Path | None
    """Input; None means stdin."""
    evaluators: tuple[str, ...] | None
    format: Format
    conditions: tuple[Condition, ...]
    output: Path | None
    """Output; None means stdout."""
    threads: int
    timeout_s: float
    """Seconds that an evaluator may take for one record."""
    skip_invalid: bool
    quiet: bool


def run(settings: RunSettings, interrupts: Interrupts) -> int:
    """Return the exit code: 0; 1 if a condition holds; 128 plus the number of a signal that ended the run.

    Args:
        settings: what to do.
        interrupts: open.

    Raises:
        ConfigError: a file, an evaluator or a condition cannot be used.
        RecordError: a line is invalid, or there is no line.
    """
    this = _Run(settings)
    try:
        tally = this.evaluate(interrupts)
    except Interrupted as error:
        this.say(f"interrupted after {this.records:,} lines")
        return error.exit_code
    return this.exit_code(tally)


class _Run:
    def __init__(self, settings: RunSettings) -> None:
        self._settings = settings
        self._console = Console(stderr=True, highlight=False, width=width_on(sys.stderr))
        self.records = 0
        """Number of records evaluated so far."""

    def say(self, message: str | Text) -> None:
        """Print to stderr."""
        self._console.print(message, markup=False, soft_wrap=True)

    def evaluate(self, interrupts: Interrupts) -> Tally:
        """Evaluate all lines; however the run ends, the results of evaluated lines are written."""
        with ExitStack() as stack:
            source = stack.enter_context(input_output.source(self._settings.file))
            progress = stack.enter_context(LineProgress(self._console, shown=self._shows_progress()))
            progress.phase("loading")
            loaded, tally = self._load()
            stack.callback(loaded.close)  # else texts that no thread has begun would still be evaluated at exit
            progress.phase("checking")
            reader = self._reader(source)
            total = reader.inspect(progress.at)
            writers = self._writers(
                stack.enter_context(input_output.destination(self._settings.output, source)), loaded, tally
            )
            for writer in writers:
                stack.callback(writer.close)
            stack.callback(progress.stop)  # remove the bar before the summary is written
            progress.phase("evaluating", total)
            for records in reader.batches():
                with interrupts.deferred():
                    results = loaded.evaluate(records)
                    tally.add(len(records), results)
                    for writer in writers:
                        writer.add(results)
                    self.records = tally.records
                progress.at(self.records)
        return tally

    def exit_code(self, tally: Tally) -> int:
        """Print which conditions hold; return the exit code."""
        outcomes = [check(condition, tally) for condition in self._settings.conditions]
        for outcome in outcomes:
            mark = ("✗", "bold red") if outcome.holds else ("✓", "green")
            self.say(Text.assemble(mark, f" --fail-on {outcome.condition.text}: {outcome.figures}"))
        holding = sum(outcome.holds for outcome in outcomes)
        if holding:
            self.say(f"failed on {holding} of {len(outcomes)} condition{'s' * (len(outcomes) > 1)}")
        return 1 if holding else 0

    def _shows_progress(self) -> bool:
        # a bar between lines of results would make both unreadable
        lines_to_terminal = self._settings.format == "jsonl" and not self._settings.output and sys.stdout.isatty()
        return not (self._settings.quiet or lines_to_terminal)

    def _load(self) -> tuple[LoadedEvaluators, Tally]:
        loaded = load(
            self._settings.evaluators, threads=self._settings.threads, timeout_s=self._settings.timeout_s
        )
        targets = {name: manifest.targets for name, manifest in loaded.manifests.items()}
        check_names(self._settings.conditions, targets)
        return loaded, Tally(targets, {name: manifest.fails for name, manifest in loaded.manifests.items()})

    def _reader(self, source: BufferedReader) -> RecordReader:
        where = "stdin" if self._settings.file is None else str(self._settings.file)
        return RecordReader(source, where, skip_invalid=self._settings.skip_invalid, warn=self.say)

    def _writers(self, file: BinaryIO, loaded: LoadedEvaluators, tally: Tally) -> list[Writer]:
        """Return the writer of the results, and that of a summary on stderr if the results are no table."""
        summary = TableWriter(self._console, tally, loaded.manifests)
        match self._settings.format:
            case "jsonl":
                writer: Writer = JsonlWriter(file)
            case "junit":
                writer = JunitWriter(file, loaded.manifests)
            case "table":
                writer = TableWriter(console_for(file), tally, loaded.manifests)
        to_terminal = self._settings.format == "table" and not self._settings.output
        return [writer] if to_terminal or self._settings.quiet else [summary, writer]
