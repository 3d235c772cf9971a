"""Puts stand-ins into client libraries, now or when they are imported, and takes them out again."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points, version
from typing import Any, Final

from otel_llm.instrument.guard import guarded, log
from otel_llm.instrument.lifecycle.imports import when_imported
from otel_llm.instrument.lifecycle.telemetry import CallTelemetry, InstrumentedClient, InstrumentedPatch
from otel_llm.instrument.lifecycle.versions import is_within
from otel_llm.instrument.stand_ins import StandIns

GROUP: Final = "otel_llm.clients"
"""The clients' entry points: the name is that of a library's module, the object is an `LlmClient`."""

_telemetry: CallTelemetry | None = None
"""Records the calls of patched clients. None means that nothing is instrumented."""
_awaited: Final[set[str]] = set()
_patched: Final[dict[tuple[InstrumentedClient, str], StandIns]] = {}
"""The stand-ins in place, by client and module."""
_said: Final[set[tuple[str, str]]] = set()
"""The unknown versions already logged, as distribution and version."""


@functools.cache
def client_entry_points() -> tuple[EntryPoint, ...]:
    """Return the entry points of all installed clients, ours and third parties'."""
    found = tuple(sorted(entry_points(group=GROUP), key=lambda entry: entry.name))
    if not found:
        log.warning(
            "otel-llm: no client is instrumented: the entry points %s of the installed package are not found; "
            "a bundle must take its metadata (PyInstaller: --copy-metadata otel-llm)",
            GROUP,
        )
    return found


def patch_clients(telemetry: CallTelemetry) -> None:
    """Patch the client libraries: imported libraries now, others when they are imported."""
    global _telemetry  # noqa: PLW0603 - one instrumentation per process
    _telemetry = telemetry
    for entry in client_entry_points():
        if telemetry.settings.instruments(entry.name):
            _now_or_when_imported(entry.name, functools.partial(_patch_client, entry))


def unpatch_clients() -> None:
    """Put back the originals that `patch_clients` replaced, unless other code has replaced them since."""
    global _telemetry  # noqa: PLW0603 - one instrumentation per process
    _telemetry = None
    for stand_ins in [_patched.pop(key) for key in tuple(_patched)]:
        _take_out(stand_ins)


@guarded("uninstrumenting a client")
def _take_out(stand_ins: StandIns) -> None:
    for name in stand_ins.take_out():
        log.warning("otel-llm: %s stays wrapped, inert: something else wrapped it later", name)


def _now_or_when_imported(module: str, tell: Callable[[], Any]) -> None:
    if module in sys.modules:
        tell()
    elif module not in _awaited:
        _awaited.add(module)
        when_imported(module, tell)


@guarded("instrumenting a client")
def _patch_client(entry: EntryPoint) -> None:
    if _telemetry is None or not _telemetry.settings.instruments(entry.name):
        return
    client: InstrumentedClient = entry.load()
    if not _is_known(client):
        return
    for module in dict.fromkeys(patch.module for patch in client.patches):
        _now_or_when_imported(module, functools.partial(_patch_module, client, module))


@guarded("instrumenting a client")
def _patch_module(client: InstrumentedClient, module: str) -> None:
    if _telemetry is None or (client, module) in _patched:
        return
    patches = [patch for patch in client.patches if patch.module == module]
    # all targets of a module are looked up before any is patched: if one has moved, none is patched
    owners: list[Any] = [sys.modules[module] for _ in patches]
    for index, patch in enumerate(patches):
        if patch.owner is not None:
            owners[index] = getattr(owners[index], patch.owner)
        getattr(owners[index], patch.name)
    stand_ins = _patched[client, module] = StandIns()
    for owner, patch in zip(owners, patches, strict=True):
        stand_ins.put(owner, patch.name, functools.partial(_wrapped, patch, client, _telemetry))
    client.prepare()


def _wrapped(
    patch: InstrumentedPatch, client: InstrumentedClient, telemetry: CallTelemetry, original: Callable[..., Any]
) -> Callable[..., Any]:
    return patch.wrap(original, client, telemetry)


def _is_known(client: InstrumentedClient) -> bool:
    installed = version(client.distribution)
    if is_within(installed, client.versions):
        return True
    if (client.distribution, installed) not in _said:
        _said.add((client.distribution, installed))
        log.warning(
            "otel-llm: %s %s is not instrumented: the versions known are %s",
            client.distribution,
            installed,
            client.versions,
        )
    return False
