"""The command `otel-llm collector`: the service as a process."""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

from otel_llm.config.service import ServiceSettings, load_settings
from otel_llm.dead_letters.replay import command as replay
from otel_llm.errors import OtelLlmError
from otel_llm.report.logs import configure_logging
from otel_llm.service.assembly import running
from otel_llm.service.background import in_background
from otel_llm.service.processes.parent import process_index, watch_parent
from otel_llm.service.processes.signals import handle_signals, notify_ready
from otel_llm.service.processes.supervise import own_command, supervise
from otel_llm.service.running import Service
from otel_llm.service.settings_check import check
from otel_llm.service.start_warnings import warn_of_left_over, warn_of_strangers, without_effect

_LOOPBACK: Final = "127.0.0.1"

_log: Final = logging.getLogger(__name__)


@click.group("collector", invoke_without_command=True)
@click.option("--config", type=click.Path(path_type=Path), help="YAML file of settings; options override it.")
@click.option(
    "--check", "only_check", is_flag=True, help="Check the settings, say what is wrong with them, and end."
)
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--grpc-port", type=int, help="Port of OTLP/gRPC.  [default: 4317]")
@click.option("--http-port", type=int, help="Port of OTLP/HTTP.  [default: 4318]")
@click.option("--telemetry-port", type=int, help="Port of /metrics and /healthz.  [default: 8888]")
@click.option("--events-endpoint", metavar="URL", help="OTLP receiver that evaluation events go to.")
@click.option("--forward-endpoint", metavar="URL", help="OTLP receiver that everything is passed on to (inline).")
@click.option("--debug-calls", is_flag=True, default=None, help="Serve /debug/calls: each evaluated call, live.")
@click.pass_context
def command(
    context: click.Context,
    /,
    config: Path | None,
    only_check: bool,
    events_endpoint: str | None,
    forward_endpoint: str | None,
    **options: Any,
) -> None:
    """Evaluate GenAI spans that arrive over OTLP.

    Every setting can be given in the environment as well, such as OTEL_LLM_COLLECTOR_QUEUE__FOLDER for
    queue.folder: it comes before the file, and an option comes before both.
    """
    if context.invoked_subcommand:
        return
    given = {**options, "events.endpoint": events_endpoint, "forward.endpoint": forward_endpoint}

    def read() -> ServiceSettings:
        return load_settings(config, given, os.environ)

    settings = read()
    if only_check:
        check(settings)
        for said in without_effect(settings):
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


command.add_command(replay)


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
