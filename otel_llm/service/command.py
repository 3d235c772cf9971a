"""`otel-llm collector`: the service as a process."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import ipaddress
import logging
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import click

from otel_llm.config.service import InlineSettings, ServiceSettings, load_settings
from otel_llm.cores import available_cores
from otel_llm.dead_letters.replay import command as replay
from otel_llm.errors import ConfigError, OtelLlmError
from otel_llm.evaluate.engine.execution_providers import running_on
from otel_llm.evaluate.kinds.loading import chosen_manifests
from otel_llm.evaluate.run.pipeline_parts import check_baseline
from otel_llm.evaluate.run.selection import check_names
from otel_llm.masking.texts import masker
from otel_llm.ports import bind
from otel_llm.receive.security import Guard, grpc_tls
from otel_llm.report.logs import configure_logging
from otel_llm.send.client import open_client
from otel_llm.service.assembly import running
from otel_llm.service.background import in_background
from otel_llm.service.processes.parent import process_index, watch_parent
from otel_llm.service.processes.signals import handle_signals, notify_ready
from otel_llm.service.processes.supervise import own_command, supervise
from otel_llm.service.running import Service

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
        check(settings)  # said once, and not by every process
    if index is None and settings.processes != 1:
        sys.exit(asyncio.run(supervise(settings, own_command())))
    asyncio.run(_run(_of_process(settings, index), lambda: _of_process(read(), index)))


command.add_command(replay)


def check(settings: ServiceSettings) -> None:
    """Look whether the service would start: addresses, certificates, folders, evaluators. No model is loaded.

    Nothing is made or written: whoever checks may be another user than the one that the service runs as.

    Raises:
        OtelLlmError: it would not; the message names the key, the value and the remedy.
    """
    if settings.inline.content == "mask":
        masker()
    grpc_tls(settings.receive.tls)
    Guard(settings.receive)
    for section, destination in (("events", settings.events), ("forward", settings.forward)):
        if destination.endpoint:
            with _said_within(section):
                open_client(destination).close()
    for host in {settings.host, settings.telemetry_host or settings.host}:
        bind(host, 0, "").close()
    with running_on(settings.evaluate.providers), _said_within("evaluate"):
        manifests = chosen_manifests(settings.evaluate.evaluators)
        check_baseline(settings.evaluate)
    check_names(settings.selection, [manifest.name for manifest in manifests])
    for key, folder in (
        ("queue.folder", settings.queue.folder),
        ("dead_letters.file", settings.dead_letters.file and settings.dead_letters.file.parent),
    ):
        if folder and not _may_be_written(folder):
            raise ConfigError(f"{key}: {str(folder)!r} cannot be made or written by this user: choose another")
    letters = settings.dead_letters.file
    if letters and letters.is_dir():
        raise ConfigError(f"dead_letters.file: must be a file, got the folder {str(letters)!r}: name one in it")


@contextlib.contextmanager
def _said_within(section: str) -> Iterator[None]:
    """Put the section before the key of a message: what raises it serves others as well."""
    try:
        yield
    except ConfigError as error:
        raise ConfigError(f"{section}.{error}") from error


def _may_be_written(folder: Path) -> bool:
    """Return whether this user may write to the folder, or make it in the first one above that is there."""
    # with os.access: Path.exists raises for what is in a folder that this user may not look into
    access = functools.partial(os.access, effective_ids=os.access in os.supports_effective_ids)
    nearest = next(each for each in (folder.absolute(), *folder.absolute().parents) if access(each, os.F_OK))
    return nearest.is_dir() and access(nearest, os.W_OK | os.X_OK)


def _of_process(settings: ServiceSettings, index: int | None) -> ServiceSettings:
    """Return the settings as they hold for one process: of several, each has a queue of its own."""
    receive, queue = settings.receive, settings.queue
    if index is not None:
        receive = receive.model_copy(update={"reuse_port": True})
    if queue.folder is not None:
        queue = queue.model_copy(update={"folder": queue.folder / str(index or 0)})
    return settings.model_copy(update={"receive": receive, "queue": queue})


def warn_of_left_over(settings: ServiceSettings) -> None:
    """Log which queues of earlier, more processes still hold something: nobody works on them now."""
    if settings.queue.folder is None:
        return
    processes = settings.processes or available_cores()
    for folder in sorted(settings.queue.folder.glob("[0-9]*")):
        left = sum(path.stat().st_size for path in folder.glob("*.segment"))
        if left and folder.name.isdecimal() and int(folder.name) >= processes:
            _log.warning(
                "%s holds %d bytes of an earlier process, which wait until there are %d processes again",
                folder,
                left,
                int(folder.name) + 1,
            )


def warn_of_strangers(settings: ServiceSettings) -> None:
    """Log what is open to whoever reaches this machine."""
    receive, telemetry_host = settings.receive, settings.telemetry_host or settings.host
    if not _is_loopback(settings.host) and not (receive.tls.client_ca_file or receive.bearer_tokens_file):
        _log.warning(
            "whoever reaches %s may send: set receive.bearer_tokens_file or receive.tls.client_ca_file",
            settings.host,
        )
    if settings.debug_calls and not _is_loopback(telemetry_host):
        _log.warning("whoever reaches %s reads what was said, at /debug/calls", telemetry_host)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def without_effect(settings: ServiceSettings) -> list[str]:
    """Return what is to be said of settings that do nothing, as others stand."""
    if settings.forward.endpoint:
        return []
    default = InlineSettings().model_dump()
    changed = [f"inline.{key}" for key, value in settings.inline.model_dump().items() if value != default[key]]
    return [f"{key} has no effect: forward.endpoint is not set, and nothing is passed on" for key in changed]


async def _run(settings: ServiceSettings, read: Callable[[], ServiceSettings]) -> None:
    stop, reload = asyncio.Event(), asyncio.Event()
    handle_signals(stop.set, reload.set)
    if process_index(os.environ) is not None:
        watch_parent(stop.set)
    # of several, the one that started them serves their pages: what each says is between them
    telemetry_host = None if process_index(os.environ) is None else _LOOPBACK
    async with running(settings, telemetry_host=telemetry_host) as service:
        click.echo(
            f"ready: OTLP/gRPC {service.grpc}, OTLP/HTTP {service.http}, metrics {service.telemetry}/metrics"
        )
        if process_index(os.environ) is None:  # of several, the parent says it for all
            notify_ready(os.environ)
        reloading = asyncio.create_task(_reload(service, read, reload))
        await stop.wait()
        reloading.cancel()


async def _reload(service: Service, read: Callable[[], ServiceSettings], asked: asyncio.Event) -> None:
    while await asked.wait():
        asked.clear()
        try:
            settings = read()
            await in_background("check", functools.partial(check, settings))  # says it as the start does
            await service.reload(settings)
        except OtelLlmError as error:
            _log.error("the settings were not read again, and stay as they were: %s", error)
        except Exception:  # a fault of ours must not end the waiting for the next reload
            _log.exception("the settings were not read again, and stay as they were")
