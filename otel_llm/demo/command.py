"""The command `otel-llm demo`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

import click

from otel_llm.config.demo import SERVERS, DemoSettings, Server
from otel_llm.extras import needs

_DEFAULTS: Final = DemoSettings()
_PORTS: Final = {
    "--model-port": "The model server's port; 0, here and below: any free one.",
    "--grpc-port": "Port of OTLP/gRPC for applications.",
    "--http-port": "Port of OTLP/HTTP for applications.",
    "--telemetry-port": "Port of the evaluation service's metrics.",
    "--prometheus-port": "Prometheus' port, where it takes part.",
    "--alertmanager-port": "Alertmanager's port, where it takes part.",
}


def _read_servers(ctx: click.Context, param: click.Parameter, value: str | None) -> frozenset[Server]:
    """Return the servers in a list such as "collector,prometheus", or all for "all"."""
    if value is None:
        return frozenset()
    names = [name.strip() for name in value.split(",")]
    if names == ["all"]:
        return frozenset(SERVERS)
    for name in names:
        if name not in SERVERS:
            raise click.BadParameter(f"must be all, or a list of {', '.join(SERVERS)}; got {name!r}", ctx, param)
    chosen = frozenset(server for server in SERVERS if server in names)
    if "alertmanager" in chosen and "prometheus" not in chosen:
        text = "alertmanager gets its alerts from Prometheus: write prometheus,alertmanager"
        raise click.BadParameter(text, ctx, param)
    return chosen


def _port_options(command: click.Command) -> click.Command:
    for option, text in _PORTS.items():
        default = getattr(_DEFAULTS, option.removeprefix("--").replace("-", "_"))
        command.params.append(
            click.Option([option], type=click.IntRange(0, 65535), default=default, show_default=True, help=text)
        )
    return command


@_port_options
@click.command("demo")
@click.option("--keep", is_flag=True, help="Leave the servers running after the workload, until Ctrl-C.")
@click.option(
    "--with", "servers", callback=_read_servers, metavar="LIST",
    help="Run the calls through real servers: all, or a list of collector, prometheus, alertmanager.",
)  # fmt: skip
@click.option(
    "--plain", is_flag=True, help="Print lines in place of the live view; the default without a terminal."
)
@click.option(
    "--save-svg", type=click.Path(path_type=Path, dir_okay=False), help="Write the last view to this file."
)
def command(**options: Any) -> None:
    """Run everything here, on embedded defaults, and watch it.

    Starts a small real model, the evaluation service and an example application, shows each call with its results
    while a varied workload runs, and ends with a summary. Exits with 1 where something that it promises was not
    seen, and with 130 on Ctrl-C before the end.
    """
    with needs("otel-llm demo", "demo"):
        from otel_llm.demo.start import start
    sys.exit(start(DemoSettings(**options)))
