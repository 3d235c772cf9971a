"""Puts stand-ins into a client library, now or when it is imported, and takes them out again."""

from __future__ import annotations

import functools
import platform
import sys
from importlib.metadata import version
from itertools import groupby
from typing import Any, Final, NamedTuple

from otel_llm.instrument.guard import guarded, log
from otel_llm.instrument.lifecycle.imports import when_imported
from otel_llm.instrument.lifecycle.telemetry import CallTelemetry, InstrumentedClient, InstrumentedPatch


class _Done(NamedTuple):
    """A method that was replaced."""

    owner: type
    method: str
    original: Any
    ours: Any


_telemetry: dict[str, CallTelemetry] = {}
_awaited: Final[set[str]] = set()
_patched: dict[str, list[_Done]] = {}
"""By module."""
_said: Final[set[str]] = set()


def patch_when_imported(client: InstrumentedClient, telemetry: CallTelemetry) -> None:
    """Patch the client's library, each module when it is imported; now, if it is there already."""
    _telemetry[client.name] = telemetry
    for module, _ in groupby(client.patches, lambda patch: patch.module):
        if module in sys.modules:
            _patch(client, module)
        elif module not in _awaited:
            _awaited.add(module)
            when_imported(module, functools.partial(_patch, client, module))


@guarded("uninstrumenting a client")
def unpatch(client: InstrumentedClient) -> None:
    """Put back what `patch_when_imported` replaced, where nobody has replaced it since."""
    _telemetry.pop(client.name, None)
    for patch in client.patches:
        for owner, method, original, ours in _patched.pop(patch.module, []):
            if getattr(owner, method) is ours:
                setattr(owner, method, original)
            else:
                log.warning(
                    "otel-llm: %s.%s stays wrapped, inert: something else wrapped it later", owner.__name__, method
                )


@guarded("instrumenting a client")
def _patch(client: InstrumentedClient, module: str) -> None:
    telemetry = _telemetry.get(client.name)
    if telemetry is None or module in _patched or not _is_known(client):
        return
    # all of a module are found before any is patched: where one has moved, none is
    patches: list[tuple[InstrumentedPatch, type, Any]] = []
    for patch in client.patches:
        if patch.module == module:
            owner = getattr(sys.modules[module], patch.owner)
            patches.append((patch, owner, getattr(owner, patch.method)))
    done = _patched[module] = []
    for patch, owner, original in patches:
        ours = patch.wrap(original, client, telemetry)
        setattr(owner, patch.method, ours)
        done.append(_Done(owner, patch.method, original, ours))
    if "gevent" in sys.modules:
        # Clients ask for it with their first request, and Python asks a child process, once. Asked by greenlets at
        # the same time, the children run the app's greenlets too, and fork in turn without end: the SDK's hooks,
        # which run after a fork, wait for threads (opentelemetry-sdk 1.45, `_get_process_dependent_resource`).
        platform.platform()


def _is_known(client: InstrumentedClient) -> bool:
    installed = version(client.name)
    if int(installed.split(".")[0]) in client.majors:
        return True
    if installed not in _said:
        _said.add(installed)
        known = f"{client.majors.start} to {client.majors.stop - 1}"
        log.warning(
            "otel-llm: %s %s is not instrumented: the versions known are %s", client.name, installed, known
        )
    return False
