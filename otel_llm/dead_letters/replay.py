"""Dead letters, shown, or sent again: the refused ones stay in the file."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import click
from google.protobuf.message import DecodeError as ProtobufDecodeError
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from rich.console import Console
from rich.table import Table

from otel_llm import names
from otel_llm.config.check import check
from otel_llm.config.send import DestinationTls
from otel_llm.dead_letters.letter import Letter
from otel_llm.dead_letters.lines import LetterLine, filtered, read
from otel_llm.dead_letters.resend import ReplayAnswer, Resender
from otel_llm.dead_letters.stage import STAGES
from otel_llm.errors import ConfigError, DecodeError
from otel_llm.otlp.requests import read_request

_SHOWN_SPANS: Final = 3
_PIPE_WIDTH: Final = 200

_Outcome = Literal["delivered", "refused", "not tried", "bad", "not chosen"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayOptions:
    """The receiver of the letters."""

    url: str
    """Base URL of OTLP/HTTP."""
    headers: tuple[str, ...]
    """Headers of each request, as NAME=VALUE."""
    ca_file: Path | None
    cert_file: Path | None
    key_file: Path | None
    tenant_header: str
    """Header for the tenant of a letter."""


class Replay:
    """Sends letters in the order of the file, and counts the outcomes.

    Once the receiver cannot be reached, the rest is not tried: each letter would wait as long, and fail too.
    """

    def __init__(self, send: Callable[[Letter], ReplayAnswer], stages: Iterable[str], limit: int | None) -> None:
        """Send at most `limit` letters of `stages`; of all stages where `stages` is empty."""
        self.outcomes: Counter[_Outcome] = Counter()
        self._send = send
        self._stages = frozenset(stages) or frozenset(STAGES)
        self._left = sys.maxsize if limit is None else limit
        self._reachable = True

    @property
    def succeeded(self) -> bool:
        """True if every chosen letter was delivered, and every line was a letter."""
        return not (self.outcomes["refused"] or self.outcomes["not tried"] or self.outcomes["bad"])

    def is_done(self, line: LetterLine) -> bool:
        """Handle a line; return True if it may be taken out of the file."""
        outcome = self._outcome(line)
        self.outcomes[outcome] += 1
        return outcome == "delivered"

    def summary(self) -> str:
        """Return the number of letters by outcome, in words."""
        words = {"bad": "lines that are no letters"}
        counts = {"delivered": self.outcomes["delivered"], **self.outcomes}
        return ", ".join(f"{count} {words.get(outcome, outcome)}" for outcome, count in counts.items())

    def _outcome(self, line: LetterLine) -> _Outcome:
        if line.letter is None:
            click.echo(f"line {line.number} {line.problem}", err=True)
            return "bad"
        if line.letter.stage not in self._stages or not self._left:
            return "not chosen"
        if not self._reachable:
            return "not tried"
        self._left -= 1
        answer = self._send(line.letter)
        self._reachable = answer.reachable
        if answer.refusal is None:
            return "delivered"
        what = "is refused" if answer.reachable else "is not delivered"
        click.echo(f"line {line.number} {what}: {answer.refusal}", err=True)
        return "refused"


def send_letters(
    file: Path, options: ReplayOptions, stages: Iterable[str], limit: int | None, *, keep: bool
) -> bool:
    """Send the letters of the file and take the delivered ones out of it, unless `keep`; print the counts.

    Returns:
        True if every chosen letter was delivered, and every line was a letter.
    """
    certificates = {"ca_file": options.ca_file, "cert_file": options.cert_file, "key_file": options.key_file}
    tls = check(DestinationTls, certificates, "certificates")
    resender = Resender(options.url, headers=_pairs(options.headers), tenant_header=options.tenant_header, tls=tls)
    replay = Replay(resender.send, stages, limit)
    if keep:
        for line in read(file):
            replay.is_done(line)
    else:
        filtered(file, replay.is_done)
    click.echo(replay.summary())
    return replay.succeeded


def show_letters(file: Path, stages: Iterable[str], limit: int | None) -> bool:
    """Print a table of the letters; return whether every line is one."""
    table = Table("line", "time", "stage", "service", "what", "spans", "reason")
    replay = Replay(lambda _: ReplayAnswer(None), stages, limit)
    for line in read(file):
        if replay.is_done(line) and line.letter:
            table.add_row(str(line.number), *_row(line.letter))
    console = Console()
    Console(width=None if console.is_terminal else _PIPE_WIDTH).print(table)
    return replay.succeeded


def _pairs(headers: Iterable[str]) -> dict[str, str]:
    pairs = {}
    for header in headers:
        name, equals, value = header.partition("=")
        if not name or not equals:
            raise ConfigError(f"--header: must be NAME=VALUE, got {header!r}")
        pairs[name] = value
    return pairs


def _row(letter: Letter) -> tuple[str, ...]:
    spans = [f"{span.trace_id}/{span.span_id} {span.name}".rstrip() for span in letter.spans[:_SHOWN_SPANS]]
    if more := len(letter.spans) - len(spans):
        spans.append(f"and {more} more")
    what = f"{letter.items} {letter.signal}" + (f" of {letter.tenant}" if letter.tenant else "")
    time = letter.time.isoformat(" ", "seconds")
    return time, letter.stage, _service(letter), what, "\n".join(spans), letter.reason


def _service(letter: Letter) -> str:
    """Return the name of the first service in the letter; empty where it cannot be read."""
    try:
        resources = [
            Resource.FromString(each.resource) for each in read_request(letter.signal, letter.body).resources
        ]
    except (DecodeError, ProtobufDecodeError):
        return ""
    attributes = (pair for resource in resources for pair in resource.attributes)
    return next((pair.value.string_value for pair in attributes if pair.key == names.SERVICE_NAME), "")
