"""Settings of the instrumentation; plain dataclasses, as an app's process pays for this import."""

from __future__ import annotations

import enum
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from otel_llm.errors import ConfigError

_NONE: Final[Mapping[str, str]] = MappingProxyType({})
REDACTED: Final = ("key", "iban", "card", "email", "phone")
"""What the ready patterns of redaction find."""
UPLOAD_HOOK: Final = "upload"
_UPLOAD_FORMATS: Final = ("json", "jsonl")
_MODES_BEFORE: Final = {"TRUE": "SPAN_ONLY", "FALSE": "NO_CONTENT"}
_EXPORTERS: Final = {
    "trace_exporter_names": ("OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"),
    "metric_exporter_names": ("OTEL_METRICS_EXPORTER", "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL"),
    "log_exporter_names": ("OTEL_LOGS_EXPORTER", "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL"),
}


class ContentCapture(enum.Enum):
    """Where messages, system instructions and tool definitions are recorded: by default nowhere."""

    NO_CONTENT = "NO_CONTENT"
    SPAN_ONLY = "SPAN_ONLY"
    EVENT_ONLY = "EVENT_ONLY"
    SPAN_AND_EVENT = "SPAN_AND_EVENT"

    @property
    def on_span(self) -> bool:
        """Whether spans carry content."""
        return self in {ContentCapture.SPAN_ONLY, ContentCapture.SPAN_AND_EVENT}

    @property
    def on_event(self) -> bool:
        """Whether events carry content."""
        return self in {ContentCapture.EVENT_ONLY, ContentCapture.SPAN_AND_EVENT}

    @classmethod
    def of(cls, value: bool | str | ContentCapture, key: str) -> ContentCapture:
        """Return the mode that a setting names: True and `true` are SPAN_ONLY, a name is read in any case.

        `true` and `false` are what the variable took before it named modes, and what many pages still say.

        Raises:
            ConfigError: it names none; the message says `key`.
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


class MetricNames(enum.Enum):
    """By which of the conventions' names the client metrics are emitted."""

    DEPLOYED = "deployed"
    NEWEST = "newest"
    BOTH = "both"

    @classmethod
    def of(cls, value: str | MetricNames, key: str) -> MetricNames:
        """Return the names that a setting chooses, in any case.

        Raises:
            ConfigError: it is none of them; the message says `key`.
        """
        if isinstance(value, MetricNames):
            return value
        try:
            return cls(value.strip().lower())
        except ValueError:
            choices = ", ".join(choice.value for choice in cls)
            raise ConfigError(f"{key} must be one of {choices}, got {value!r}") from None


@dataclass(frozen=True, kw_only=True)
class InstrumentSettings:
    """What the instrumentation records, and how."""

    capture_content: ContentCapture = field(
        default=ContentCapture.NO_CONTENT, metadata={"env": "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"}
    )
    """Where messages are recorded: NO_CONTENT, SPAN_ONLY, EVENT_ONLY or SPAN_AND_EVENT, in any case.

    `true` is SPAN_ONLY, `false` NO_CONTENT.
    """
    content_limit: int = field(default=65_536, metadata={"env": "OTEL_LLM_CONTENT_LIMIT"})
    """How many characters of JSON one attribute of content has at most; what is cut says so."""
    redact: tuple[str | Callable[[str], str], ...] = field(default=(), metadata={"env": "OTEL_LLM_REDACT"})
    """What is taken out of content: `email`, `phone`, `card`, `key`, `iban` or `all`, comma-separated.

    In code, functions from text to text too.
    """
    completion_hook: str | None = field(
        default=None, metadata={"env": "OTEL_INSTRUMENTATION_GENAI_COMPLETION_HOOK"}
    )
    """Who else is given the content of each call: `upload`, or a hook by its entry point's name."""
    upload_base_path: str | None = field(
        default=None, metadata={"env": "OTEL_INSTRUMENTATION_GENAI_UPLOAD_BASE_PATH"}
    )
    """Where the hook `upload` writes: a folder, or a URL that fsspec knows, such as `s3://bucket/prompts`."""
    upload_format: str = field(default="json", metadata={"env": "OTEL_INSTRUMENTATION_GENAI_UPLOAD_FORMAT"})
    """What it writes: `json`, one list in each file, or `jsonl`, one message in each line."""
    prices: Path | None = field(default=None, metadata={"env": "OTEL_LLM_PRICES"})
    """A TOML file of own prices, which come before genai-prices'."""
    providers: Mapping[str, str] = field(default_factory=lambda: _NONE, metadata={"env": "OTEL_LLM_PROVIDERS"})
    """Provider names of OpenAI-compatible servers: `host=provider` or `host:port=provider`, comma-separated."""
    metric_names: MetricNames = field(default=MetricNames.DEPLOYED, metadata={"env": "OTEL_LLM_METRIC_NAMES"})
    """By which names the metrics are emitted: `deployed`, `newest` or `both`."""
    debug_raise: bool = field(default=False, metadata={"env": "OTEL_LLM_DEBUG_RAISE"})
    """Raise failures of the instrumentation instead of logging them: for its own tests."""
    withheld: bool = False
    """Whether nobody knows what to take out of content, so that none is recorded: OTEL_LLM_REDACT is wrong."""

    def __post_init__(self) -> None:
        if self.withheld:
            object.__setattr__(self, "capture_content", ContentCapture.NO_CONTENT)
            object.__setattr__(self, "completion_hook", None)


def read_settings(
    environment: Mapping[str, str] | None = None, **overrides: Any
) -> tuple[InstrumentSettings, list[ConfigError]]:
    """Return the settings of the environment, and what is wrong with it.

    A wrong variable keeps its default. Where OTEL_LLM_REDACT is the wrong one, no content is recorded.

    Args:
        environment: os.environ where None.
        overrides: fields set in code, which come before the environment's; None means not set.

    Raises:
        ConfigError: an override is wrong.
    """
    environment = os.environ if environment is None else environment
    problems = []
    values: dict[str, Any] = {}
    variables = {each.name: each.metadata["env"] for each in fields(InstrumentSettings) if each.metadata}
    for name, key in variables.items():
        if overrides.get(name) is None and (text := environment.get(key, "").strip()):
            try:
                values[name] = _READERS[name](text, key)
            except ConfigError as error:
                if name == "redact":
                    values["withheld"] = True
                    error = ConfigError(f"{error}; content is not recorded until it is mended")
                problems.append(error)
    if values.get("completion_hook") == UPLOAD_HOOK and "upload_base_path" not in values:
        del values["completion_hook"]
        problems.append(
            ConfigError(
                "OTEL_INSTRUMENTATION_GENAI_UPLOAD_BASE_PATH must be a folder or a URL where "
                "OTEL_INSTRUMENTATION_GENAI_COMPLETION_HOOK is upload, got nothing"
            )
        )
    return override_settings(InstrumentSettings(**values), **overrides), problems


def override_settings(settings: InstrumentSettings, **overrides: Any) -> InstrumentSettings:
    """Return the settings with those fields that are set in code; None means not set.

    Raises:
        ConfigError: an override is wrong.
    """
    if unknown := overrides.keys() - _READERS.keys():
        raise ConfigError(
            f"instrument() has no setting {', '.join(sorted(unknown))}; it has {', '.join(_READERS)}"
        )
    given = {name: _READERS[name](value, name) for name, value in overrides.items() if value is not None}
    return replace(settings, **given, withheld=settings.withheld and "redact" not in given)


def default_exporters(environment: Mapping[str, str] | None = None) -> dict[str, list[str]]:
    """Return the SDK's exporters for the signals whose OTEL_*_EXPORTER is unset: OTLP, as the specification says.

    The Python SDK by itself exports nothing then. Empty when a configuration file says it all.

    Source: OpenTelemetry specification, "OpenTelemetry Environment Variable Specification", exporter selection.
    """
    environment = os.environ if environment is None else environment
    if environment.get("OTEL_CONFIG_FILE"):
        return {}
    chosen = {}
    for argument, (exporter, protocol) in _EXPORTERS.items():
        if not environment.get(exporter):
            grpc = (environment.get(protocol) or environment.get("OTEL_EXPORTER_OTLP_PROTOCOL")) == "grpc"
            chosen[argument] = ["otlp_proto_grpc" if grpc else "otlp_proto_http"]
    return chosen


def run_environment(
    environment: Mapping[str, str],
    *,
    endpoint: str | None = None,
    service_name: str | None = None,
    capture_content: bool = False,
) -> dict[str, str]:
    """Return a program's environment under `otel-llm run`: the options, then the user's, then our defaults."""
    defaults = {
        "OTEL_TRACES_EXPORTER": "otlp",
        "OTEL_METRICS_EXPORTER": "otlp",
        "OTEL_LOGS_EXPORTER": "otlp",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        # seconds; the exporters' own default, 10, delays an app's exit by as much when nothing answers
        "OTEL_EXPORTER_OTLP_TIMEOUT": "3",
    }
    options = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_SERVICE_NAME": service_name,
        "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_ONLY" if capture_content else None,
    }
    return {**defaults, **environment, **{key: value for key, value in options.items() if value is not None}}


def _read_count(value: str | int, key: str) -> int:
    try:
        count = int(value)
    except ValueError:
        count = -1
    if count < 0:
        raise ConfigError(f"{key} must be a whole number, 0 or more, got {value!r}")
    return count


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


_READERS: Final[dict[str, Callable[[Any, str], Any]]] = {
    "capture_content": ContentCapture.of,
    "content_limit": _read_count,
    "redact": _read_redact,
    "completion_hook": _read_text,
    "upload_base_path": _read_text,
    "upload_format": _read_upload_format,
    "prices": _read_path,
    "providers": _read_providers,
    "metric_names": MetricNames.of,
    "debug_raise": _read_flag,
}
