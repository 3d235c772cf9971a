"""Puts stand-ins into a client library, now or when it is imported, and takes them out again."""

from __future__ import annotations

import importlib
import sys
from importlib.metadata import version
from typing import Any, Final

from otel_llm.instrument.fields import Client
from otel_llm.instrument.guard import guarded, log
from otel_llm.instrument.telemetry import Telemetry
from otel_llm.instrument.wrap import wrap, wrap_async

_telemetry: dict[str, Telemetry] = {}
_hooked: Final[set[str]] = set()
_patched: dict[str, list[tuple[type, str, Any, Any]]] = {}


def patch_when_imported(client: Client, telemetry: Telemetry) -> None:
    """Patch the client's library when it is imported; now, if it is there already."""
    _telemetry[client.name] = telemetry
    if client.name in sys.modules:
        _patch(client)
    elif client.name not in _hooked:  # wrapt cannot take a hook back: one each, for good
        _hooked.add(client.name)
        from wrapt import register_post_import_hook  # noqa: PLC0415 - slow, and only for this

        register_post_import_hook(lambda _: _patch(client), client.name)


@guarded("uninstrumenting a client")
def unpatch(client: Client) -> None:
    """Put back what `patch_when_imported` replaced, where nobody has replaced it since."""
    _telemetry.pop(client.name, None)
    for owner, method, original, ours in _patched.pop(client.name, []):
        if getattr(owner, method) is ours:
            setattr(owner, method, original)
        else:
            log.warning(
                "otel-llm: %s.%s stays wrapped, inert: something else wrapped it later", owner.__name__, method
            )


@guarded("instrumenting a client")
def _patch(client: Client) -> None:
    telemetry = _telemetry.get(client.name)
    if telemetry is None or client.name in _patched:
        return
    installed = version(client.name)
    if int(installed.split(".")[0]) not in client.majors:
        known = f"{client.majors.start} to {client.majors.stop - 1}"
        log.warning(
            "otel-llm: %s %s is not instrumented: the versions known are %s", client.name, installed, known
        )
        return
    # all are found before any is patched: where one has moved, none is
    found = [
        (getattr(importlib.import_module(module), owner), method, wrap_async if is_coroutine else wrap)
        for module, owner, method, is_coroutine in client.patches
    ]
    originals = [getattr(owner, method) for owner, method, _ in found]
    done = _patched[client.name] = []
    for (owner, method, wrapper), original in zip(found, originals, strict=True):
        ours = wrapper(original, client, telemetry)
        setattr(owner, method, ours)
        done.append((owner, method, original, ours))
    telemetry.worker.prepare(telemetry.prices.load)
