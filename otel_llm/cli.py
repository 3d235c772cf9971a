"""The `otel-llm` command. A subcommand is in the room of the part that it starts, and is imported when called."""

from __future__ import annotations

import importlib
import signal
import sys
from typing import Final

import click

from otel_llm.errors import MissingExtraError, OtelLlmError
from otel_llm.version import __version__

# subcommand -> (module that defines it, extra that it needs, help line)
_COMMANDS: Final[dict[str, tuple[str, str, str]]] = {
    "demo": ("otel_llm.demo.command", "demo", "Run everything here, on embedded defaults, and watch it."),
    "run": ("otel_llm.instrument.command", "", "Run a Python program with its LLM clients instrumented."),
    "collector": ("otel_llm.service.command", "collector", "Evaluate GenAI spans that arrive over OTLP."),
    "evaluate": (
        "otel_llm.evaluate.offline.command",
        "collector",
        "Evaluate a file of answers, for people and for CI.",
    ),
    "models": ("otel_llm.models.command", "collector", "List, check and export evaluators."),
    "serve": ("otel_llm.serve.command", "serve", "Serve a small real model behind the OpenAI API."),
    "dashboards": ("otel_llm.dashboards.command", "dashboards", "Build or push Grafana dashboards and alerts."),
}


class _Commands(click.Group):
    """A group that imports a subcommand's module when the subcommand is called, not to list the subcommands."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module_name, extra, _ = _COMMANDS[cmd_name]
        if cmd_name == "collector":
            # Importing the service takes a second. Until its handler is set, SIGHUP (reload) would kill the
            # process.
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
        try:
            module = importlib.import_module(module_name)
        except ModuleNotFoundError as error:
            if not extra or (error.name or "").startswith("otel_llm."):
                raise
            raise MissingExtraError(
                f"otel-llm {cmd_name} needs {error.name}, which is not installed: pip install 'otel-llm[{extra}]'"
            ) from error
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, _, summary) in _COMMANDS.items()])


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="otel-llm")
def group() -> None:
    """OpenTelemetry for LLM applications: instrumentation, local evaluation, dashboards and alerts."""


def main() -> None:
    """Run the command. An error of ours becomes one line on stderr and exit code 1."""
    try:
        group()
    except OtelLlmError as error:
        click.echo(f"otel-llm: {error}", err=True)
        sys.exit(1)
