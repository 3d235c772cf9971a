"""The command line as someone meets it who has installed `otel-llm` without any extra."""

import re
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from otel_llm.cli import group
from otel_llm.config.demo import DemoSettings
from otel_llm.config.serve import ServeSettings

# the extras' libraries as if they were not installed
WITHOUT_EXTRAS = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in NAMES or name.startswith("opentelemetry.exporter.prometheus"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
from otel_llm.cli import main
main()
"""
LIBRARIES = {
    *("grafana_client", "grafana_foundation_sdk", "grpc", "httpx", "numpy", "onnxruntime", "otel_llm_evaluators"),
    *("prometheus_client", "psutil", "pydantic", "re2", "rich", "starlette", "tokenizers", "torch", "uvicorn"),
    *("websockets", "xllamacpp", "yaml"),
}


def commands(command: click.Command, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], click.Command]:
    found = {path: command}
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            found |= commands(child, (*path, name))
    return found


COMMANDS = commands(group)


def without_extras(*arguments: str) -> subprocess.CompletedProcess[str]:
    code = WITHOUT_EXTRAS.replace("NAMES", repr(LIBRARIES))
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], check=False, capture_output=True, text=True, timeout=60
    )


def test_every_command_is_there():
    assert len(COMMANDS) >= 14
    assert ("collector", "replay") in COMMANDS


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_help_needs_no_extra(path):
    done = without_extras(*path, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Usage: ")


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        (["collector", "--check"], "collector"),
        (["evaluate", __file__], "collector"),
        (["models", "list"], "collector"),
        (["models", "export", "x", "--kind", "nli", "--output", "there"], "export"),
        (["serve"], "serve"),
        (["dashboards", "build", "--check"], "dashboards"),
        (["demo"], "demo"),
        (["collector", "replay", __file__, "--list"], "collector"),
    ],
)
def test_what_a_command_needs_is_one_line_with_the_remedy(arguments, extra):
    done = without_extras(*arguments)
    assert done.returncode != 0
    assert re.fullmatch(
        rf"otel-llm[ a-z]*: [a-z -]+ needs the extra `{extra}`: pip install 'otel-llm\[{extra}\]'\n", done.stderr
    )


@pytest.mark.parametrize(("path", "settings"), [("serve", ServeSettings()), ("demo", DemoSettings())])
def test_the_defaults_in_the_help_are_those_of_the_settings(path, settings):
    text = " ".join(CliRunner().invoke(group, [path, "--help"], terminal_width=200).output.split())
    shown = dict(
        re.findall(r"--([\w-]+) [A-Z_]+(?: RANGE)? (?:(?! --\w).)*?\[default: ([^\]]+?)(?:; [^\]]*)?\]", text)
    )
    stated = {name: value for name, value in shown.items() if hasattr(settings, name.replace("-", "_"))}
    assert len(stated) >= 4
    for name, value in stated.items():
        right = getattr(settings, name.replace("-", "_"))
        assert value == ("one per core" if right is None else str(right)), name


@pytest.mark.parametrize("arguments", [["-V"], ["--version"]])
def test_the_version(arguments):
    assert re.fullmatch(r"otel-llm, version \S+\n", CliRunner().invoke(group, arguments).output)


@pytest.mark.parametrize("path", [[], ["evaluate"], ["models", "export"]])
def test_help_is_a_command_too(path):
    by_option = CliRunner().invoke(group, [*path, "--help"], prog_name="otel-llm")
    by_command = CliRunner().invoke(group, ["help", *path], prog_name="otel-llm")
    assert by_option.output == by_command.output
    assert by_command.exit_code == 0
