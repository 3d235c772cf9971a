"""Which client libraries are instrumented, and who else instruments them."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from otel_llm.config.instrument import read_settings
from otel_llm.doctor.finding import Finding, note, ok, wrong
from otel_llm.doctor.installed import version_of
from otel_llm.instrument.lifecycle.patch import client_entry_points
from otel_llm.instrument.lifecycle.versions import is_within

_DOCS: Final = "docs/instrument.md, Beside other instrumentations"
_OTHERS: Final = (
    "openai",
    "anthropic",
    "genai",
    "langchain",
    "llama",
    "litellm",
    "vertexai",
    "bedrock",
    "mistral",
    "cohere",
)
"""Parts of the names of instrumentations that make spans of the calls that we instrument."""


def instrumented(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Yield each client library that is installed, then settings, then other instrumentations of its calls."""
    settings, problems = read_settings(environment)
    seen = 0
    for entry in client_entry_points():
        client = entry.load()
        installed = version_of(client.distribution)
        if installed is None:
            continue
        seen += 1
        if not settings.instruments(entry.name):
            yield note(
                f"{client.distribution} {installed} is switched off",
                f"by {_switch(entry)}; remove it to instrument",
            )
        elif not is_within(installed, client.versions):
            yield wrong(
                f"{client.distribution} {installed} is not instrumented: the versions known are {client.versions}",
                f"pip install '{client.distribution}{client.versions}', or a newer otel-llm",
            )
        elif moved := _moved(client):
            yield wrong(
                f"{client.distribution} {installed}: {', '.join(moved)} cannot be instrumented: not where it was",
                "install a newer otel-llm, or an older version of the library",
            )
        else:
            yield ok(f"{client.distribution} {installed} is instrumented")
    if not seen:
        yield wrong(
            "no client library is installed that is known", "pip install openai or anthropic in this environment"
        )
    for problem in problems:
        yield wrong(str(problem), "set the variable rightly, or remove it")
    yield _content(settings.capture_content.name)
    yield from _others()


def _switch(entry: EntryPoint) -> str:
    return f"otel_llm_{entry.name.replace('.', '_')} in OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"


def _moved(client: Any) -> list[str]:
    """Return the targets of the patches that the installed library does not have."""
    moved = []
    for patch in client.patches:
        where = ".".join(filter(None, (patch.module, patch.owner, patch.name)))
        try:
            owner = importlib.import_module(patch.module)
            for name in filter(None, (patch.owner, patch.name)):
                owner = getattr(owner, name)
        except (ImportError, AttributeError):
            moved.append(where)
    return moved


def _content(place: str) -> Finding:
    if place == "NO_CONTENT":
        return note(
            "the content of calls is not recorded, and what needs it is not evaluated",
            "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=SPAN_ONLY records it",
        )
    return ok(f"the content of calls is recorded: {place}")


def _others() -> Iterator[Finding]:
    for entry in entry_points(group="opentelemetry_instrumentor"):
        if entry.name != "otel_llm" and any(part in entry.name for part in _OTHERS):
            distribution = entry.dist.name if entry.dist else entry.value
            yield note(
                f"{distribution} instruments such calls too (as {entry.name})",
                f"{_DOCS}; OTEL_PYTHON_DISABLED_INSTRUMENTATIONS={entry.name} switches it off",
            )
    if version_of("logfire"):
        yield note("logfire is installed", f"call logfire.configure() before otel_llm.instrument(): {_DOCS}")
