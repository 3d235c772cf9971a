"""What is installed: this package, its extras, OpenTelemetry."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution, version
from typing import Final

from otel_llm.doctor.finding import Finding, note, ok
from otel_llm.version import __version__

_PURPOSES: Final = {
    "collector": "the evaluation service and `otel-llm evaluate`",
    "dashboards": "dashboards and alert rules",
    "serve": "the model server",
    "demo": "the demo",
}
_EXTRA: Final = re.compile(r"""extra\s*==\s*["']([\w-]+)["']""")
_NAME: Final = re.compile(r"[\w.-]+")


def installed() -> Iterator[Finding]:
    """Yield the versions, and each extra with what it lacks."""
    yield ok(f"otel-llm {__version__}, Python {platform.python_version()} ({sys.executable})")
    yield ok(f"OpenTelemetry API {version('opentelemetry-api')}, SDK {version('opentelemetry-sdk')}")
    for extra, purpose in _PURPOSES.items():
        lacking = missing_of(extra)
        if not lacking:
            yield ok(f"extra `{extra}`: {purpose}")
        else:
            few = ", ".join(lacking[:4]) + (f" and {len(lacking) - 4} more" if len(lacking) > 4 else "")
            yield note(
                f"extra `{extra}` ({purpose}) lacks {few}", f"pip install 'otel-llm[{extra}]' where you need it"
            )


def version_of(name: str) -> str | None:
    """Return the version of a distribution; None if it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def missing_of(extra: str) -> list[str]:
    """Return the distributions of an extra that are not installed, extras of ours inside it included."""
    lacking: dict[str, None] = {}
    for requirement in distribution("otel-llm").requires or ():
        what, _, marker = requirement.partition(";")
        found = _EXTRA.search(marker)
        if found is None or found.group(1) != extra or not _applies(marker):
            continue
        if what.startswith("otel-llm["):
            for inner in what.partition("[")[2].partition("]")[0].split(","):
                lacking |= dict.fromkeys(missing_of(inner.strip()))
        elif (name := _name(what)) and not _is_installed(name):
            lacking[name] = None
    return list(lacking)


def _name(requirement: str) -> str:
    found = _NAME.match(requirement)
    return found.group() if found else ""


def _is_installed(name: str) -> bool:
    # onnxruntime and onnxruntime-gpu have files of the same names: either will do
    return any(version_of(each) for each in ((name, f"{name}-gpu") if name == "onnxruntime" else (name,)))


def _applies(marker: str) -> bool:
    """Return True if a requirement is for this Python."""
    from packaging.markers import Marker  # noqa: PLC0415 - 9 ms

    return any(
        Marker(marker.strip()).evaluate({"extra": extra})
        for extra in (match.group(1) for match in _EXTRA.finditer(marker))
    )
