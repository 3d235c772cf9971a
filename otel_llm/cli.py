"""The `otel-llm` command. A subcommand is in the room of the part that it starts, and is imported when called."""

from __future__ import annotations

import importlib
import sys
from typing import Final

import click

from otel_llm.errors import OtelLlmError
from otel_llm.version import __version__

# subcommand -> (module that defines it, help line)
_COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "demo": ("otel_llm.demo.command", "Run everything here, on embedded defaults, and watch it."),
    "run": ("otel_llm.instrument.command", "Run a Python program with its LLM clients instrumented."),
    "doctor": ("otel_llm.doctor.command", "Say what is missing, from the client library to the alert."),
    "collector": ("otel_llm.service.command", "Evaluate GenAI spans that arrive over OTLP."),
    "evaluate": ("otel_llm.evaluate.offline.command", "Evaluate a file of answers, for people and for CI."),
    "baseline": ("otel_llm.evaluate.baseline.command", "Make the texts that drift is measured from."),
    "models": ("otel_llm.models.command", "List, check and export evaluators."),
    "serve": ("otel_llm.serve.command", "Serve a small real model behind the OpenAI API."),
    "dashboards": ("otel_llm.dashboards.command", "Build or push Grafana dashboards and alerts."),
}


@click.command("help")
@click.argument("path", nargs=-1, metavar="[COMMAND]...")
@click.pass_context
def _help(context: click.Context, path: tuple[str, ...]) -> None:
    """Show the help of a command, as --help does."""
    root = context.find_root()
    root.command.main([*path, "--help"], prog_name=root.info_name)


class _Commands(click.Group):
    """A group that imports a subcommand's module when the subcommand is called, not to list the subcommands."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name == _help.name:
            return _help
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(_COMMANDS[cmd_name][0])
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in _COMMANDS.items()])


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", prog_name="otel-llm")
def group() -> None:
    """OpenTelemetry for LLM applications: instrumentation, local evaluation, dashboards and alerts."""


def main() -> None:
    """Run the command. An error of ours becomes one line on stderr and exit code 1."""
    try:
        group()
    except OtelLlmError as error:
        click.echo(f"otel-llm: {error}", err=True)
        sys.exit(1)
