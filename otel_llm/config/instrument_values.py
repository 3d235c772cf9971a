"""Readers of the instrumentation's settings, from the text of a variable or a value in code."""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeVar

from otel_llm.errors import ConfigError

REDACTED: Final = ("key", "iban", "card", "email", "phone")
"""Names of the built-in patterns of redaction, in the order in which they are applied."""
_UPLOAD_FORMATS: Final = ("json", "jsonl")
_MODES_BEFORE: Final = {"TRUE": "SPAN_ONLY", "FALSE": "NO_CONTENT"}

_E = TypeVar("_E", bound=enum.Enum)


class ContentCapture(enum.Enum):
    """Places for messages, system instructions and tool definitions; by default, none."""

    NO_CONTENT = "NO_CONTENT"
    SPAN_ONLY = "SPAN_ONLY"
    EVENT_ONLY = "EVENT_ONLY"
    SPAN_AND_EVENT = "SPAN_AND_EVENT"

    @property
    def on_span(self) -> bool:
        """True if spans carry content."""
        return self in {ContentCapture.SPAN_ONLY, ContentCapture.SPAN_AND_EVENT}

    @property
    def on_event(self) -> bool:
        """True if events carry content."""
        return self in {ContentCapture.EVENT_ONLY, ContentCapture.SPAN_AND_EVENT}

    @classmethod
    def of(cls, value: bool | str | ContentCapture, key: str) -> ContentCapture:
        """Return the mode that a setting names, in any case; True and `true` are SPAN_ONLY.

        The variable took `true` and `false` before it took modes, and many pages still say so.

        Raises:
            ConfigError: the value names no mode; the message names `key`.
        """
        if isinstance(value, ContentCapture):
            return value
        if isinstance(value, bool):
            return cls.SPAN_ONLY if value else cls.NO_CONTENT
        try:
            return cls[_MODES_BEFORE.get(name := str(value).strip().upper(), name)]
        except KeyError:
            raise ConfigError(
                f"{key} must be one of {', '.join(cls.__members__)}, true or false, got {value!r}"
            ) from None


class ClientSpans(enum.Enum):
    """On which span the calls are recorded of a client that emits spans by itself."""

    REPLACE = "replace"
    """On ours: the client opens none for them."""
    COMPLETE = "complete"
    """On the client's own, which gets what it lacks."""

    @classmethod
    def of(cls, value: str | ClientSpans, key: str) -> ClientSpans:
        """Return the choice that a setting names, in any case.

        Raises:
            ConfigError: it names none; the message says `key`.
        """
        return _choice(cls, value, key)


class SurroundingSpans(enum.Enum):
    """On which span a call is recorded inside the span that another instrumentation has opened for it."""

    COMPLETE = "complete"
    """On the other's, which gets what it lacks."""
    IGNORE = "ignore"
    """On ours, inside the other's: both count."""

    @classmethod
    def of(cls, value: str | SurroundingSpans, key: str) -> SurroundingSpans:
        """Return the choice that a setting names, in any case.

        Raises:
            ConfigError: the value is no such choice; the message names `key`.
        """
        return _choice(cls, value, key)


class ConventionNames(enum.Enum):
    """Names of the conventions that client metrics or spans have."""

    DEPLOYED = "deployed"
    NEWEST = "newest"
    BOTH = "both"

    @classmethod
    def of(cls, value: str | ConventionNames, key: str) -> ConventionNames:
        """Return the names that a setting chooses, in any case.

        Raises:
            ConfigError: the value is no such choice; the message names `key`.
        """
        return _choice(cls, value, key)


def _choice(kind: type[_E], value: str | _E, key: str) -> _E:
    if isinstance(value, kind):
        return value
    try:
        return kind(str(value).strip().lower())
    except ValueError:
        choices = ", ".join(choice.value for choice in kind)
        raise ConfigError(f"{key} must be one of {choices}, got {value!r}") from None


def _read_count(value: str | int, key: str) -> int:
    try:
        count = int(value)
    except ValueError:
        count = -1
    if count < 0:
        raise ConfigError(f"{key} must be a whole number, 0 or more, got {value!r}")
    return count


def _read_seconds(value: str | float, key: str) -> float:
    try:
        seconds = float(value)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise ConfigError(f"{key} must be a number of seconds, 0 or more, got {value!r}")
    return seconds


def _read_redact(
    value: str | Callable[[str], str] | Iterable[str | Callable[[str], str]], key: str
) -> tuple[str | Callable[[str], str], ...]:
    if isinstance(value, str):
        return _redacted(value.split(","), key)
    return _redacted(value if isinstance(value, Iterable) else [value], key)


def _redacted(entries: Iterable[str | Callable[[str], str]], key: str) -> tuple[str | Callable[[str], str], ...]:
    """Return the names in the order in which their patterns are applied, then the functions."""
    entries = [entry.strip().lower() if isinstance(entry, str) else entry for entry in entries]
    for entry in entries:
        if not callable(entry) and entry not in {*REDACTED, "all", ""}:
            raise ConfigError(
                f"{key} must be of {', '.join(REDACTED)}, all, "
                f"or in code a function from text to text, got {entry!r}"
            )
    names = REDACTED if "all" in entries else tuple(name for name in REDACTED if name in entries)
    return (*names, *(entry for entry in entries if callable(entry)))


def _read_names(value: str | Iterable[str], _: str) -> frozenset[str]:
    names = value.split(",") if isinstance(value, str) else value
    return frozenset(name.strip() for name in names) - {""}


def _read_text(value: str, _: str) -> str:
    return value


def _read_upload_format(value: str, key: str) -> str:
    if (name := value.lower()) not in _UPLOAD_FORMATS:
        raise ConfigError(f"{key} must be one of {', '.join(_UPLOAD_FORMATS)}, got {value!r}")
    return name


def _read_path(value: str | Path, key: str) -> Path:
    path = Path(value)
    if not path.is_file():
        raise ConfigError(f"{key} must be a file, got {str(value)!r}, which is not there")
    return path


def _read_providers(value: str | Mapping[str, str], key: str) -> Mapping[str, str]:
    if isinstance(value, Mapping):
        return MappingProxyType({host.lower(): provider for host, provider in value.items()})
    providers = {}
    for entry in filter(None, (entry.strip() for entry in value.split(","))):
        host, equals, provider = entry.partition("=")
        if not (host and equals and provider):
            raise ConfigError(f"{key} must be host=provider entries, separated by commas, got {entry!r}")
        providers[host.strip().lower()] = provider.strip()
    return MappingProxyType(providers)


def _read_flag(value: str | bool, key: str) -> bool:
    flag = {"true": True, "1": True, "false": False, "0": False}.get(str(value).lower())
    if flag is None:
        raise ConfigError(f"{key} must be true or false, got {value!r}")
    return flag


READERS: Final[dict[str, Callable[[Any, str], Any]]] = {
    "capture_content": ContentCapture.of,
    "content_limit": _read_count,
    "redact": _read_redact,
    "completion_hook": _read_text,
    "upload_base_path": _read_text,
    "upload_format": _read_upload_format,
    "prices": _read_path,
    "providers": _read_providers,
    "metric_names": ConventionNames.of,
    "attribute_names": ConventionNames.of,
    "client_spans": ClientSpans.of,
    "surrounding_spans": SurroundingSpans.of,
    "exit_timeout_s": _read_seconds,
    "disabled": _read_names,
    "debug_raise": _read_flag,
}
"""The reader of each setting: given the value and the key that an error names."""
