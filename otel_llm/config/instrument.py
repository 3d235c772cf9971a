"""Settings of the instrumentation: plain dataclasses, for the import costs time in the app's process."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from otel_llm.config.instrument_values import (
    READERS,
    ClientSpans,
    ContentCapture,
    ConventionNames,
    SurroundingSpans,
)
from otel_llm.errors import ConfigError

_NONE: Final[Mapping[str, str]] = MappingProxyType({})
UPLOAD_HOOK: Final = "upload"


@dataclass(frozen=True, kw_only=True)
class InstrumentSettings:
    """Settings of what the instrumentation records."""

    capture_content: ContentCapture = field(
        default=ContentCapture.NO_CONTENT, metadata={"env": "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"}
    )
    """Places for messages: NO_CONTENT, SPAN_ONLY, EVENT_ONLY or SPAN_AND_EVENT, in any case.

    `true` is SPAN_ONLY, `false` NO_CONTENT.
    """
    content_limit: int = field(default=65_536, metadata={"env": "OTEL_LLM_CONTENT_LIMIT"})
    """Most characters of JSON in one attribute of content; longer content is cut, with a mark."""
    redact: tuple[str | Callable[[str], str], ...] = field(default=(), metadata={"env": "OTEL_LLM_REDACT"})
    """Patterns to remove from content: `email`, `phone`, `card`, `key`, `iban` or `all`, comma-separated.

    In code, also functions from text to text.
    """
    completion_hook: str | None = field(
        default=None, metadata={"env": "OTEL_INSTRUMENTATION_GENAI_COMPLETION_HOOK"}
    )
    """Hook that gets the content of each call: `upload`, or the name of an entry point."""
    upload_base_path: str | None = field(
        default=None, metadata={"env": "OTEL_INSTRUMENTATION_GENAI_UPLOAD_BASE_PATH"}
    )
    """Target of the hook `upload`: a folder, or a URL that fsspec knows, such as `s3://bucket/prompts`."""
    upload_format: str = field(default="json", metadata={"env": "OTEL_INSTRUMENTATION_GENAI_UPLOAD_FORMAT"})
    """Format of the hook `upload`: `json`, one list in each file, or `jsonl`, one message in each line."""
    prices: Path | None = field(default=None, metadata={"env": "OTEL_LLM_PRICES"})
    """TOML file of own prices, which take precedence over genai-prices."""
    providers: Mapping[str, str] = field(default_factory=lambda: _NONE, metadata={"env": "OTEL_LLM_PROVIDERS"})
    """Provider names of OpenAI-compatible servers: `host=provider` or `host:port=provider`, comma-separated."""
    metric_names: ConventionNames = field(
        default=ConventionNames.DEPLOYED, metadata={"env": "OTEL_LLM_METRIC_NAMES"}
    )
    """Names of the metrics: `deployed`, `newest` or `both`."""
    attribute_names: ConventionNames | None = field(default=None, metadata={"env": "OTEL_LLM_ATTRIBUTE_NAMES"})
    """Names of the attributes of spans that have an older and a newer name. None means those of the metrics."""
    exit_timeout_s: float = field(default=10.0, metadata={"env": "OTEL_LLM_EXIT_TIMEOUT_S"})
    """Seconds that the end of the process waits at most until its calls are delivered; 0: it does not wait."""
    debug_raise: bool = field(default=False, metadata={"env": "OTEL_LLM_DEBUG_RAISE"})
    """True: raise failures of the instrumentation instead of logging them, for its own tests."""
    client_spans: ClientSpans = field(default=ClientSpans.REPLACE, metadata={"env": "OTEL_LLM_CLIENT_SPANS"})
    """The span of a call by a client that emits its own spans: `replace` or `complete`.

    `replace`: our span, and the client opens none. `complete`: the client's span, with the attributes it lacks.
    """
    surrounding_spans: SurroundingSpans = field(
        default=SurroundingSpans.COMPLETE, metadata={"env": "OTEL_LLM_SURROUNDING_SPANS"}
    )
    """The span of a call that another instrumentation records too, on a span around it: `complete` or `ignore`.

    `complete`: the other's span, with the attributes it lacks, and each metric once. `ignore`: ours inside it.
    """
    disabled: frozenset[str] = field(
        default=frozenset(), metadata={"env": "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"}
    )
    """Clients that are not instrumented, comma-separated, such as `otel_llm_openai`."""
    withheld: bool = False
    """True if OTEL_LLM_REDACT is wrong: then no content is recorded, for it is unknown what to remove."""

    def __post_init__(self) -> None:
        if self.withheld:
            object.__setattr__(self, "capture_content", ContentCapture.NO_CONTENT)
            object.__setattr__(self, "completion_hook", None)

    def instruments(self, module: str) -> bool:
        """Return True if the client library with that module is to be instrumented."""
        return f"otel_llm_{module.replace('.', '_')}" not in self.disabled


def read_settings(
    environment: Mapping[str, str] | None = None, **overrides: Any
) -> tuple[InstrumentSettings, list[ConfigError]]:
    """Return the settings from the environment, and its errors.

    A wrong variable leaves the default. If OTEL_LLM_REDACT is wrong, no content is recorded.

    Args:
        environment: None means os.environ.
        overrides: fields set in code, which override the environment; None means not set.

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
                values[name] = READERS[name](text, key)
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
    """Return the settings with the fields that are set in code; None means not set.

    Raises:
        ConfigError: an override is wrong.
    """
    if unknown := overrides.keys() - READERS.keys():
        raise ConfigError(f"instrument() has no setting {', '.join(sorted(unknown))}; it has {', '.join(READERS)}")
    given = {name: READERS[name](value, name) for name, value in overrides.items() if value is not None}
    return replace(settings, **given, withheld=settings.withheld and "redact" not in given)
