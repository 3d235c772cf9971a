"""`otel-llm evaluate`."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from typing import Any, Final

import click

from otel_llm.cores import available_cores
from otel_llm.errors import ConfigError, OtelLlmError
from otel_llm.evaluate.offline.formats.json_lines import Format
from otel_llm.evaluate.offline.interrupt import Interrupted, Interrupts
from otel_llm.evaluate.offline.loaded_evaluators import TIMEOUT_S
from otel_llm.evaluate.offline.thresholds import parse_condition
from otel_llm.extras import needs

_STOPPED_READING: Final = 141  # the exit code that a shell reports for a process that SIGPIPE ended
_BY_SUFFIX: Final[dict[str, Format]] = {".jsonl": "jsonl", ".xml": "junit", ".txt": "table"}


def _none_of_dash(ctx: click.Context, param: click.Parameter, value: Path | None) -> Path | None:
    """Return None, for stdin or stdout, in place of "-"."""
    return None if value == Path("-") else value


@click.command("evaluate", context_settings={"max_content_width": 100})
@click.argument("file", type=click.Path(path_type=Path), callback=_none_of_dash)
@click.option("--evaluators", metavar="A,B", help="Names of those that run.  [default: all that are installed]")
@click.option(
    "--format", "format_", type=click.Choice(["table", "jsonl", "junit"]),
    help="How results are written.  [default: by the suffix of --output; else table on a terminal, jsonl in a"
    " pipe]",
)  # fmt: skip
@click.option(
    "--fail-on",
    metavar="CONDITION",
    multiple=True,
    help="Exit with 1 where this holds; may be given several times.",
)
@click.option(
    "--output", type=click.Path(path_type=Path), callback=_none_of_dash,
    help="The file that results go to.  [default: stdout]",
)  # fmt: skip
@click.option(
    "--threads", type=click.IntRange(1), metavar="N", help="Threads that evaluate.  [default: one per core]"
)
@click.option(
    "--timeout", type=click.FloatRange(0, min_open=True), default=TIMEOUT_S, metavar="SECONDS",
    help=f"What an evaluator may take for one line before that is an error.  [default: {TIMEOUT_S:g}]",
)  # fmt: skip
@click.option("--skip-invalid", is_flag=True, help="Leave out lines that are no records; else the first ends it.")
@click.option("-q", "--quiet", is_flag=True, help="No progress bar and no summary on stderr.")
def command(**options: Any) -> None:
    """Evaluate the answers in FILE with local models; - is stdin.

    Each line of FILE is a JSON object with "output", the answer, and as far as they are known "id", "input",
    "context" (a list of texts), "system", "choices" (several answers), "logprobs", "tool_calls" and
    "tool_results".

    \b
    A CONDITION of --fail-on; quote it, or the shell takes > for itself:
      any                    any evaluator fails any line
      error                  anything could not be evaluated
      toxicity               this evaluator fails any line
      toxicity.output        ... on this side: input or output
      'toxicity>3'           more than 3 fails; also >=, < and <=
      'toxicity>5%'          more than 5 % of what it evaluated fails
      'any>5%'               the same, of any evaluator
      'toxicity:max>=0.8'    a score is at least 0.8; also min and mean

    An error counts as a fail. A condition on an evaluator also holds where that had nothing to evaluate, such as
    groundedness without a context.

    \b
    Exit codes:
      0    evaluated, and no condition holds; without --fail-on, always that
      1    a condition holds: stderr says which, with figures
      2    wrong options or input; of a file nothing was evaluated then
           (after a traceback: a fault of this program)
      130  Ctrl-C (143: SIGTERM): results so far are written
    """
    try:
        with Interrupts() as interrupts:
            sys.exit(_run(interrupts, **options))
    except Interrupted as error:  # before the run began
        sys.exit(error.exit_code)
    except OtelLlmError as error:
        click.echo(f"otel-llm evaluate: {error}", err=True)
        sys.exit(2)
    except BrokenPipeError:
        # the reader of stdout has gone: discard the output that is flushed at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(_STOPPED_READING)
    except OSError as error:
        click.echo(f"otel-llm evaluate: results cannot be written: {error}", err=True)
        sys.exit(2)
    except Exception as error:  # Python would exit with 1, which means that a condition holds
        traceback.print_exc()
        click.echo(f"otel-llm evaluate: failed by a fault of its own: {type(error).__name__}: {error}", err=True)
        sys.exit(2)


def _run(
    interrupts: Interrupts,
    *,
    fail_on: tuple[str, ...],
    evaluators: str | None,
    format_: Format | None,
    **options: Any,
) -> int:
    conditions = tuple(parse_condition(text) for text in fail_on)
    # an import that a signal interrupts may end in any exception
    with interrupts.deferred(), needs("evaluation", "collector"):
        from otel_llm.evaluate.offline.run import RunSettings, run
    return run(
        RunSettings(
            file=options["file"],
            evaluators=_names(evaluators),
            format=format_ or _format(options["output"]),
            conditions=conditions,
            output=options["output"],
            threads=options["threads"] or available_cores(),
            skip_invalid=options["skip_invalid"],
            timeout_s=options["timeout"],
            quiet=options["quiet"],
        ),
        interrupts,
    )


def _names(text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    names = tuple(name.strip() for name in text.split(","))
    if not all(names):
        raise ConfigError(f"--evaluators: must be names with commas between them, got {text!r}")
    return names


def _format(output: Path | None) -> Format:
    if output is None:
        return "table" if sys.stdout.isatty() else "jsonl"
    if output.suffix not in _BY_SUFFIX:
        raise ConfigError(f"--format: must be given, as {output} ends in none of {', '.join(_BY_SUFFIX)}")
    return _BY_SUFFIX[output.suffix]
