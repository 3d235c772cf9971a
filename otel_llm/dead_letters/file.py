"""What can never be decoded, evaluated or delivered: kept in a file, one JSON object a line, for replay.

A letter's body is a request of OTLP that holds just the items concerned, with their resource: it can be sent again
as it is. Whoever writes to the file, or takes it away, holds the lock of the file beside it.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import logging
import os
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, Literal, get_args

from google.protobuf.message import DecodeError as ProtobufDecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer

from otel_llm.errors import ConfigError, DecodeError
from otel_llm.otlp.requests import read_ids, read_request, read_spans, scopes
from otel_llm.otlp.signals import Signal

Stage = Literal["decode", "evaluate", "forward", "events"]
"""Where it went wrong: reading it, evaluating it, passing it on, or sending the events of its evaluation."""
STAGES: Final[tuple[Stage, ...]] = get_args(Stage)
_LOGGED_SPANS: Final = 5
_GROUP_BYTES: Final = 4 << 20
"""What is written together, at most."""

_log: Final = logging.getLogger(__name__)

_Base64 = Annotated[
    bytes,
    BeforeValidator(lambda value: base64.b64decode(value, validate=True) if isinstance(value, str) else value),
    PlainSerializer(lambda value: base64.b64encode(value).decode(), return_type=str, when_used="json"),
]


class LetterSpan(BaseModel):
    """A span that a letter is about."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    trace_id: str
    """In hex."""
    span_id: str
    """In hex."""
    name: str = ""
    """Empty where it is not known."""


class Letter(BaseModel):
    """What one line of the file holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    time: datetime
    """When it was given up."""
    stage: Stage
    """Where it went wrong."""
    reason: str
    """What went wrong."""
    signal: Signal
    """What kind of request the body is."""
    tenant: str
    """Who sent it; empty without tenants."""
    items: int
    """Spans, log records or metrics in the body; 0 where it cannot be read at all."""
    spans: tuple[LetterSpan, ...]
    """The spans in the body, or those that its log records belong to."""
    body: _Base64
    """A serialized request of OTLP."""

    def line(self) -> bytes:
        """Return it as it is written."""
        return self.model_dump_json().encode() + b"\n"


class DeadLetters:
    """Writes letters. Any thread may."""

    def __init__(self, path: Path | None, *, max_bytes: int = 256 << 20, fsync: bool = True) -> None:
        """Write to a file, or without a path to the log alone, which then says all but the content.

        Args:
            path: its folder is made where it is not there.
            max_bytes: of the file and the one before it, `.1`, together; the older one makes room.
            fsync: whether a letter outlives a power failure.

        Raises:
            ConfigError: the file cannot be written.
        """
        self._path = path
        self._max_bytes = max_bytes // 2
        self._fsync = fsync
        self._counts: Counter[Stage] = Counter()
        self._dropped = 0
        self._lock = threading.Lock()
        """Guards the file."""
        self._counting = threading.Lock()
        """Guards the counts: who reads them does not wait for a disk, or for a replay that has the file."""
        if path is not None:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                with locked(path):
                    append(path, b"", fsync=False)
            except OSError as error:
                raise ConfigError(
                    f"dead_letters.file: must be a file that can be written, got {str(path)!r}: {error}"
                ) from error

    @property
    def counts(self) -> dict[Stage, int]:
        """Letters by stage, since the start."""
        with self._counting:
            return {stage: self._counts[stage] for stage in STAGES}

    @property
    def dropped(self) -> int:
        """Letters that are in no file any more: they made room, or could not be written."""
        return self._dropped

    def add(self, stage: Stage, reason: str, signal: Signal, tenant: str, body: bytes) -> None:
        """Keep a request that nothing more can be done with; it never raises for what the disk refuses."""
        self.add_all(stage, signal, tenant, [(reason, body)])

    def add_all(self, stage: Stage, signal: Signal, tenant: str, given_up: Iterable[tuple[str, bytes]]) -> None:
        """Keep requests, each with its reason, as `add` does; they wait for the disk together.

        They are drawn a few at a time: all of them may be more than memory has room for.
        """
        letters = (_letter(stage, reason, signal, tenant, body) for reason, body in given_up)
        for group in _groups(letters, min(self._max_bytes, _GROUP_BYTES)):
            with self._counting:
                self._counts[stage] += len(group)
            if self._path is None:
                for letter, _ in group:
                    _log.warning("dead letter: %s: %s: %s", stage, letter.reason, _described(letter))
                continue
            with self._lock:
                self._keep(self._path, group)

    def _keep(self, path: Path, group: Sequence[tuple[Letter, bytes]]) -> None:
        try:
            with locked(path):
                self._write(path, b"".join(line for _, line in group))
        except OSError as error:
            if len(group) > 1:  # some of them may fit
                for each in group:
                    self._keep(path, [each])
                return
            self._dropped += 1
            for letter, _ in group:
                what = _described(letter)
                _log.error(
                    "%s: %s: a dead letter is lost: %s: %s: %s", path, error, letter.stage, letter.reason, what
                )

    def _write(self, path: Path, lines: bytes) -> None:
        if len(lines) > self._max_bytes:  # it is one line
            raise OSError(f"it has {len(lines)} bytes, and dead_letters.max_bytes leaves {self._max_bytes}")
        if path.exists() and path.stat().st_size + len(lines) > self._max_bytes:
            self._rotate(path)
        append(path, lines, fsync=self._fsync)

    def _rotate(self, path: Path) -> None:
        older = path.with_name(f"{path.name}.1")
        if older.exists():
            with older.open("rb") as file:
                dropped = sum(1 for _ in file)
            self._dropped += dropped
            _log.warning("%s: %d dead letters make room for new ones", older, dropped)
        path.replace(older)


def append(path: Path, lines: bytes, *, fsync: bool) -> None:
    """Write lines at the end: all of them, or nothing.

    Raises:
        OSError: the disk refused it.
    """
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        size = os.fstat(file).st_size
        if lines and size and os.pread(file, 1, size - 1) != b"\n":  # a power failure tore the last one
            lines = b"\n" + lines
        if os.write(file, lines) < len(lines):
            os.ftruncate(file, size)
            raise OSError("the disk is full")
        if fsync:
            os.fsync(file)
    finally:
        os.close(file)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of a file of dead letters, against other threads and processes."""
    with path.with_name(f"{path.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _letter(stage: Stage, reason: str, signal: Signal, tenant: str, body: bytes) -> Letter:
    items, spans = _contents(signal, body)
    return Letter(
        time=datetime.now(UTC), stage=stage, reason=reason, signal=signal, tenant=tenant,
        items=items, spans=spans, body=body,
    )  # fmt: skip


def _groups(letters: Iterable[Letter], max_bytes: int) -> Iterator[list[tuple[Letter, bytes]]]:
    """Yield letters with their lines: as many as have `max_bytes` together, and one at least."""
    group: list[tuple[Letter, bytes]] = []
    size = 0
    for letter in letters:
        line = letter.line()
        if group and size + len(line) > max_bytes:
            yield group
            group, size = [], 0
        group.append((letter, line))
        size += len(line)
    if group:
        yield group


def _contents(signal: Signal, body: bytes) -> tuple[int, tuple[LetterSpan, ...]]:
    """Return how many items a body has, and the spans that it is about; as much as can be read of it."""
    items = 0
    spans: tuple[LetterSpan, ...] = ()
    with contextlib.suppress(DecodeError, ProtobufDecodeError):  # that is why there is a letter
        items = sum(len(scope.items) for scope in scopes(read_request(signal, body)))
        if signal != "metrics":
            spans = _spans(body) if signal == "traces" else _spans_of_logs(body)
    return items, spans


def _spans(body: bytes) -> tuple[LetterSpan, ...]:
    try:
        request = ExportTraceServiceRequest.FromString(body)
    except ProtobufDecodeError:  # one malformed span is often why there is a letter
        ids = [read_ids(span) for _, spans in read_spans(body) for span in spans]
        return tuple(LetterSpan(trace_id=trace.hex(), span_id=span.hex()) for trace, span in ids)
    return tuple(
        LetterSpan(trace_id=span.trace_id.hex(), span_id=span.span_id.hex(), name=span.name)
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    )


def _spans_of_logs(body: bytes) -> tuple[LetterSpan, ...]:
    request = ExportLogsServiceRequest.FromString(body)
    ids = dict.fromkeys(
        (log.trace_id.hex(), log.span_id.hex())
        for resource in request.resource_logs
        for scope in resource.scope_logs
        for log in scope.log_records
        if log.trace_id
    )
    return tuple(LetterSpan(trace_id=trace, span_id=span) for trace, span in ids)


def _described(letter: Letter) -> str:
    more = len(letter.spans) - _LOGGED_SPANS
    ids = ", ".join(f"{span.trace_id}/{span.span_id}" for span in letter.spans[:_LOGGED_SPANS])
    about = (f", spans {ids}" if ids else "") + (f" and {more} more" if more > 0 else "")
    return f"{letter.signal}, {letter.items} items{about}"
