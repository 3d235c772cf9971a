"""Several processes of one service that share its ports: one Python process uses about one core."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Final

import click

from otel_llm.config.service import ServiceSettings
from otel_llm.cores import available_cores
from otel_llm.ports import address, bind
from otel_llm.receive.http.asgi import AsgiServer
from otel_llm.service.processes.child_process import Backoff, ChildProcess
from otel_llm.service.processes.merged_telemetry import MergedTelemetry
from otel_llm.service.processes.shared_ports import reserve
from otel_llm.service.processes.signals import SHELL_SIGNAL_CODE, handle_signals, notify_ready

_GRACE_S: Final = 2
"""Seconds beyond its own deadline after which a child is killed."""
_ANSWER_S: Final = 1
"""Seconds that requests to the telemetry port have to end when the service stops."""

_log: Final = logging.getLogger(__name__)


def own_command() -> Sequence[str]:
    """Return the command that started this program, with the interpreter's options."""
    return [sys.executable, *sys.orig_argv[1:]]


async def supervise(settings: ServiceSettings, command: Sequence[str], *, backoff: Backoff | None = None) -> int:
    """Run `settings.processes` children (0: one per core) until SIGTERM or SIGINT; return the exit code.

    Each child is `command` with three more options: --grpc-port and --http-port with the shared ports, and
    --telemetry-port 0. Its number is in OTEL_LLM_PROCESS in the environment, and its stdin ends when this process
    does. It must print one line once it is ready, as `otel-llm collector` does.

    A child that ends before it was ever ready ends all, with its exit code. A child that dies later is started
    again. SIGHUP goes on to every child. A child that has not ended `shutdown_timeout_s` and 2 s after its SIGTERM
    is killed, and the exit code is 1.

    Raises:
        PortTakenError: a port is in use, be it by another service that shares its port.
        ConfigError: the host is no address of this machine.
    """
    telemetry_host = settings.telemetry_host or settings.host
    async with contextlib.AsyncExitStack() as stack:
        telemetry = stack.enter_context(bind(telemetry_host, settings.telemetry_port, "--telemetry-port"))
        http = stack.enter_context(reserve(settings.host, settings.http_port, "--http-port"))
        grpc = stack.enter_context(reserve(settings.host, settings.grpc_port, "--grpc-port"))
        ports = {
            "--grpc-port": grpc.getsockname()[1],
            "--http-port": http.getsockname()[1],
            "--telemetry-port": 0,
        }
        words = [*command, *(str(word) for pair in ports.items() for word in pair)]
        processes = [
            ChildProcess(index, words, backoff or Backoff())
            for index in range(settings.processes or available_cores())
        ]
        ready = (
            f"ready: OTLP/gRPC {address(settings.host, ports['--grpc-port'])}, "
            f"OTLP/HTTP {settings.receive.scheme}://{address(settings.host, ports['--http-port'])}, "
            f"metrics http://{address(telemetry_host, telemetry.getsockname()[1])}/metrics"
        )
        merged = await stack.enter_async_context(MergedTelemetry(processes, calls=settings.debug_calls))
        server = AsgiServer(merged.app, telemetry, timeout_s=_ANSWER_S)
        stack.push_async_callback(server.stop)
        await server.start()
        stack.callback(merged.end_calls)
        return await _run(processes, ready, settings.shutdown_timeout_s + _GRACE_S)


async def _run(processes: Sequence[ChildProcess], ready: str, stop_s: float) -> int:
    """Return the exit code once all have ended."""
    asked = asyncio.Event()

    def reload() -> None:
        for process in processes:
            process.reload()

    def hurry(_: int) -> None:
        for process in processes:
            process.stop()

    handle_signals(asked.set, reload, hurry=hurry)
    stop = asyncio.create_task(asked.wait())
    lives = [asyncio.create_task(process.keep(), name=f"process {process.index}") for process in processes]
    announced = asyncio.create_task(_announce(processes, ready))
    try:
        # `keep` returns by itself only if the process cannot start
        done, _ = await asyncio.wait({stop, *lives}, return_when=asyncio.FIRST_COMPLETED)
        failed = next((life for life in lives if life in done), None)
    finally:
        announced.cancel()
        stop.cancel()
        await _end(processes, lives, stop_s)
    if failed:
        return _exit_code(failed.result()) or 1
    return 1 if any(life.result() for life in lives) else 0


async def _announce(processes: Sequence[ChildProcess], line: str) -> None:
    for process in processes:
        await process.ready.wait()
    click.echo(line)
    notify_ready(os.environ)


async def _end(processes: Sequence[ChildProcess], lives: Iterable[asyncio.Task[int]], stop_s: float) -> None:
    for process in processes:
        process.stop()
    _, late = await asyncio.wait(lives, timeout=stop_s)
    if late:
        for process in processes:
            if process.pid is not None:
                _log.error(
                    "process %d did not end within %g s: it is killed", process.index, stop_s,
                    extra={"process_index": process.index},
                )  # fmt: skip
                process.kill()
        await asyncio.wait(late)


def _exit_code(code: int) -> int:
    return code if code >= 0 else SHELL_SIGNAL_CODE - code
