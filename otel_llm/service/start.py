"""The service as a process."""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import click

from otel_llm.config.service import ServiceSettings, load_settings
from otel_llm.errors import OtelLlmError
from otel_llm.report.logs import configure_logging
from otel_llm.service.assembly import running
from otel_llm.service.background import in_background
from otel_llm.service.processes.parent import process_index, watch_parent
from otel_llm.service.processes.signals import handle_signals, notify_ready
from otel_llm.service.processes.supervise import own_command, supervise
from otel_llm.service.running import Service
from otel_llm.service.settings_check import check, taken_ports
from otel_llm.service.start_warnings import warn_of_left_over, warn_of_strangers, without_effect

_LOOPBACK: Final = "127.0.0.1"

_log: Final = logging.getLogger(__name__)


def start(config: Path | None, options: Mapping[str, Any], *, only_check: bool) -> None:
    """Run the service until a signal ends it; with `only_check`, check the settings alone.

    Args:
        config: YAML file of settings.
        options: settings by name; None means that the option was not given.
        only_check: True to check the settings and return.

    Raises:
        OtelLlmError: the service cannot start; the message says why.
    """

    def read() -> ServiceSettings:
        return load_settings(config, options, os.environ)

    settings = read()
    if only_check:
        check(settings)
        for said in (*without_effect(settings), *taken_ports(settings)):
            click.echo(f"otel-llm: {said}", err=True)
        click.echo("the settings are valid")
        return
    configure_logging()
    index = process_index(os.environ)
    if index is None:
        warn_of_left_over(settings)
        warn_of_strangers(settings)
        for said in without_effect(settings):
            _log.warning("%s", said)
        check(settings)  # reported once, not by every process
    if index is None and settings.processes != 1:
        sys.exit(asyncio.run(supervise(settings, own_command())))
    asyncio.run(_run(_of_process(settings, index), lambda: _of_process(read(), index)))


def _of_process(settings: ServiceSettings, index: int | None) -> ServiceSettings:
    """Return the settings of one process: each of several processes has its own queue."""
    receive, queue = settings.receive, settings.queue
    if index is not None:
        receive = receive.model_copy(update={"reuse_port": True})
    if queue.folder is not None:
        queue = queue.model_copy(update={"folder": queue.folder / str(index or 0)})
    return settings.model_copy(update={"receive": receive, "queue": queue})


async def _run(settings: ServiceSettings, read: Callable[[], ServiceSettings]) -> None:
    stop, reload = asyncio.Event(), asyncio.Event()
    handle_signals(stop.set, reload.set)
    if process_index(os.environ) is not None:
        watch_parent(stop.set)
    # of several processes, the parent serves the pages, and reads those of its children
    telemetry_host = None if process_index(os.environ) is None else _LOOPBACK
    async with running(settings, telemetry_host=telemetry_host) as service:
        click.echo(
            f"ready: OTLP/gRPC {service.grpc}, OTLP/HTTP {service.http}, metrics {service.telemetry}/metrics"
        )
        if process_index(os.environ) is None:  # of several processes, the parent notifies for all
            notify_ready(os.environ)
        reloading = asyncio.create_task(_reload(service, read, reload))
        await stop.wait()
        reloading.cancel()


async def _reload(service: Service, read: Callable[[], ServiceSettings], asked: asyncio.Event) -> None:
    while await asked.wait():
        asked.clear()
        try:
            settings = read()
            await in_background("check", functools.partial(check, settings))  # with the messages of a start
            await service.reload(settings)
        except OtelLlmError as error:
            _log.error("the settings were not read again, and stay as they were: %s", error)
        except Exception:  # a fault of ours must not end the loop: the next reload may succeed
            _log.exception("the settings were not read again, and stay as they were")
