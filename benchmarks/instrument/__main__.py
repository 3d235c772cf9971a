"""What instrumentations of the openai client cost, beside a hand-written span: all in one run.

    python benchmarks/instrument [--quick] [--only otel-llm,openlit] [--json FILE] [--markdown]
    python benchmarks/instrument --beside CHECKOUT [--passes 20] [--seconds 6] [--measures call stream]

Every subject has an environment of its own, with versions that `subjects.py` pins; the first run installs them.
Of each, several children are started in turn, so that whatever else the machine does hits all alike. Inside a
child, each round does the same work with the client as it is and with the client instrumented, in random order
(see `switch.py` and `rounds.py`); only differences within a round count. So percentages compare across subjects
even where the machine's speed changes, or the client's version differs. "caller" is the CPU time of the thread
that calls, "process" that of all threads, until nothing is left to do.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from beside import MEASURES, compare
from environments import environment, run_child
from results import figures
from subjects import SUBJECTS
from tables import as_markdown, as_text, tables

from otel_llm.config.cache import cache_folder


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How long it takes."""

    passes: int
    seconds: float
    """Of one child, and half as long again where the hand-written span is measured beside it."""
    content_seconds: float
    """Of one child that captures content; every second pass has one."""
    start_ups: int


FULL = Plan(passes=2, seconds=6, content_seconds=4, start_ups=12)
QUICK = Plan(passes=1, seconds=0.8, content_seconds=0.3, start_ups=1)


@dataclass
class Gathered:
    """What came from one subject's children."""

    python: Path
    children: list[Any] = field(default_factory=list)
    start_ups: list[Any] = field(default_factory=list)


def main() -> None:
    arguments = parse_arguments()
    if arguments.beside is not None:
        print(compare(arguments.beside, arguments.passes, arguments.seconds, arguments.measures))
        return
    plan = QUICK if arguments.quick else FULL
    gathered = {name: Gathered(interpreter(name, arguments)) for name in arguments.only}
    random.seed(0)
    for number in range(plan.passes):
        say(f"pass {number + 1} of {plan.passes}")
        measure(gathered, plan, content=number % 2 == 0)
    for _ in range(plan.start_ups):
        start_up(gathered)
    results = {
        "python": platform.python_version(),
        "openai": client_version(gathered),
        "command": " ".join(["python benchmarks/instrument", *sys.argv[1:]]),
        "chunks": gathered[arguments.only[0]].children[0]["chunks"],
        "subjects": {
            name: {"label": SUBJECTS[name].label, **figures(of.children, of.start_ups)}
            for name, of in gathered.items()
        },
    }
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(results, indent=1), encoding="utf-8")
    print((as_markdown if arguments.markdown else as_text)(tables(results)))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python benchmarks/instrument", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--quick", action="store_true", help="short rounds: whether it works, not what it costs")
    parser.add_argument(
        "--only", type=names, default=list(SUBJECTS), metavar="A,B", help=f"of: {', '.join(SUBJECTS)}"
    )
    parser.add_argument("--here", action="store_true", help="in this environment; for otel-llm alone")
    parser.add_argument("--environments", type=Path, default=cache_folder() / "benchmarks", metavar="DIR")
    parser.add_argument(
        "--beside", type=Path, metavar="CHECKOUT", help="this checkout beside another one, in this environment"
    )
    parser.add_argument("--passes", type=int, default=12, help="pairs of children, with --beside")
    parser.add_argument("--seconds", type=float, default=6, help="of each child, with --beside")
    parser.add_argument("--measures", nargs="+", choices=MEASURES, default=MEASURES, help="with --beside")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures")
    parser.add_argument("--markdown", action="store_true", help="print the tables of docs/benchmarks.md")
    arguments = parser.parse_args()
    if arguments.here and arguments.only != ["otel-llm"]:
        parser.error("--here needs --only otel-llm: the others are installed in environments of their own")
    return arguments


def names(text: str) -> list[str]:
    chosen = text.split(",")
    if unknown := [name for name in chosen if name not in SUBJECTS]:
        raise argparse.ArgumentTypeError(f"must be of {', '.join(SUBJECTS)}, got {', '.join(unknown)}")
    return chosen


def interpreter(name: str, arguments: argparse.Namespace) -> Path:
    return Path(sys.executable) if arguments.here else environment(arguments.environments, name, SUBJECTS[name])


def measure(gathered: dict[str, Gathered], plan: Plan, content: bool) -> None:
    for name in shuffled(gathered):
        subject, of = SUBJECTS[name], gathered[name]
        say(f"  {name}")
        seconds = plan.seconds * (1.5 if subject.by_hand else 1)
        of.children.append(run_child(of.python, "child.py", [name, str(seconds)], subject.variables(False)))
        if content:
            options = [name, str(plan.content_seconds), "--content"]
            of.children.append(run_child(of.python, "child.py", options, subject.variables(True)))


def start_up(gathered: dict[str, Gathered]) -> None:
    for name in shuffled(gathered):
        of = gathered[name]
        of.start_ups.append(run_child(of.python, "startup.py", [name], SUBJECTS[name].variables(False)))


def shuffled(gathered: dict[str, Gathered]) -> Sequence[str]:
    return random.sample(list(gathered), len(gathered))


def client_version(gathered: dict[str, Gathered]) -> str:
    """Return the client's version in the first environment: those of others are named where they differ."""
    return str(next(iter(gathered.values())).children[0]["versions"]["openai"])


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
