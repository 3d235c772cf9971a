"""The command `otel-llm collector`."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import click

from otel_llm.dead_letters.command import command as replay
from otel_llm.extras import needs


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
    # Importing the service takes a second. Until its handler is set, SIGHUP (reload) would kill the process.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    try:
        with needs("otel-llm collector", "collector"):
            from otel_llm.service.start import start
        start(config, given, only_check=only_check)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


command.add_command(replay)
