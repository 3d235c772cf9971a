"""The figures as tables: for a terminal, or for the documentation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

Rows = Sequence[Sequence[str]]
Table = tuple[str, Rows]
"""What it shows, and its rows, the headings first."""

MANY, MOST = 10, 4  # modules of one package, and packages: fewer of those, or more of these, tell nothing
OTHERS = ("async call", "async stream", "response", "call, content", "stream, content")
SILENCED = ("call, sampled out", "stream, sampled out", "call, suppressed", "stream, suppressed")


def tables(results: Mapping[str, Any]) -> Iterator[Table]:
    """Yield the tables of one run."""
    lines = list(_lines(results))
    yield "One call", _main(lines, "call", None)
    chunks = results["chunks"]
    yield f"One stream of {chunks} chunks", _main(lines, "stream", chunks)
    yield "Other calls, added on the caller's thread", _others(lines, OTHERS)
    yield "Calls that are not to be traced, added on the caller's thread", _others(lines, SILENCED)
    if any(subject["start_up"] for subject in results["subjects"].values()):
        yield "Import and `instrument()`, after `import openai`", _start_ups(results)
    yield "What is recorded of the same calls", _recorded(results)


def _lines(results: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield what has figures: by hand first, then each subject."""
    subjects = results["subjects"]
    for subject in subjects.values():
        if "by hand" in subject["measured"]:
            yield "a span by hand", subject["measured"]["by hand"]
    for name, subject in subjects.items():
        yield _label(results, name), subject["measured"]["on"]


def _label(results: Mapping[str, Any], name: str) -> str:
    """Return the subject's name; with the client's version, where that is not everybody's."""
    subject = results["subjects"][name]
    client = subject["versions"]["openai"]
    return subject["label"] + ("" if client == results["openai"] else f", openai {client}")


def _main(lines: Sequence[tuple[str, Mapping[str, Any]]], measure: str, chunks: int | None) -> Rows:
    heading = ["", "uninstrumented", "caller adds", "of it", "half of the rounds", "process adds", "of it"]
    rows = [heading + (["a chunk"] if chunks else [])]
    for name, measured in lines:
        figure = measured[measure]
        caller, process = figure["caller"], figure["process"]
        row = [
            name,
            f"{caller['uninstrumented_us']:,.0f} µs",
            f"{caller['added_us']:,.0f} µs",
            f"{caller['added_percent']:.1f} %",
            f"{caller['percent_q1']:.1f} to {caller['percent_q3']:.1f} %",
            f"{process['added_us']:,.0f} µs",
            f"{process['added_percent']:.1f} %",
        ]
        rows.append(row + ([f"{caller['added_us'] / chunks:.1f} µs"] if chunks else []))
    return rows


def _others(lines: Sequence[tuple[str, Mapping[str, Any]]], measures: Sequence[str]) -> Rows:
    return [
        ["", *measures],
        *([name, *(_other(measured.get(measure), measure) for measure in measures)] for name, measured in lines),
    ]


def _other(figure: Mapping[str, Any] | None, measure: str) -> str:
    if figure is None:
        return "-"
    if figure["spans"] == 0 and measure not in SILENCED:
        return "no span"
    added = f"{figure['caller']['added_percent']:.1f} %"
    return f"{added}, a span" if figure["spans"] and measure in SILENCED else added


def _start_ups(results: Mapping[str, Any]) -> Rows:
    rows = [["", "main thread", "wall", "all threads", "modules", "most of them"]]
    for name, subject in results["subjects"].items():
        if start_up := subject["start_up"]:
            times = [f"{start_up[key] * 1e3:,.0f} ms" for key in ("thread_s", "wall_s", "process_s")]
            most = sorted(start_up["packages"].items(), key=lambda item: -item[1])
            packages = [f"{package} {count}" for package, count in most if count >= MANY][:MOST]
            rows.append([_label(results, name), *times, str(start_up["modules"]), ", ".join(packages)])
    return rows


FACTS: Sequence[tuple[str, Callable[[Mapping[str, Any]], str]]] = (
    ("attributes of a call", lambda recorded: str(recorded["attributes"])),
    ("tokens of a stream", lambda recorded: _tokens(recorded["stream"])),
    ("tokens of a response", lambda recorded: _tokens(recorded["response"])),
    ("first chunk", lambda recorded: _yes(recorded["first chunk"])),
    ("cost", lambda recorded: _yes(recorded["cost"])),
    ("metrics", lambda recorded: str(len(recorded["metrics"]))),
    ("type of stream kept", lambda recorded: _yes(recorded["type kept"])),
    ("span of a stream broken off", lambda recorded: _yes(recorded["broken off"])),
    ("never read", lambda recorded: _yes(recorded["dropped"])),
)


def _recorded(results: Mapping[str, Any]) -> Rows:
    return [
        ["", *(heading for heading, _ in FACTS)],
        *(
            [_label(results, name), *(show(subject["recorded"]) for _, show in FACTS)]
            for name, subject in results["subjects"].items()
        ),
    ]


def _tokens(found: Sequence[str]) -> str:
    return ", ".join(found) or "none"


def _yes(value: object) -> str:
    return "yes" if value else "no"


def as_text(tables: Iterator[Table]) -> str:
    """Return the tables for a terminal."""
    return "\n\n".join(f"{title}\n{_text(rows)}" for title, rows in tables)


def _text(rows: Rows) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if index else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def as_markdown(tables: Iterator[Table]) -> str:
    """Return the tables for docs/benchmarks.md."""
    return "\n\n".join(f"{title}:\n\n{_markdown(rows)}" for title, rows in tables)


def _markdown(rows: Rows) -> str:
    heading, *body = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([heading.replace("|  |", "| |", 1), "|---" * len(rows[0]) + "|", *body])
