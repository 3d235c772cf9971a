"""`otel-llm run`: a Python program with its LLM clients instrumented, and no change to its code."""

from __future__ import annotations

import importlib.util
import os
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final

import click

from otel_llm.config.instrument import read_settings
from otel_llm.config.sdk_environment import check_protocols, run_environment
from otel_llm.errors import ConfigError
from otel_llm.instrument.cost.own_prices import read_price_file
from otel_llm.instrument.program import find_program

_DISABLED: Final = "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"


@click.command("run", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("--endpoint", metavar="URL", help="Where telemetry goes, by OTLP over HTTP. [http://localhost:4318]")
@click.option("--service-name", metavar="NAME", help="The service's name in telemetry.")
@click.option("--capture-content", is_flag=True, help="Record messages on spans: what users and models wrote.")
@click.option("--only", is_flag=True, help="Switch on no other OpenTelemetry instrumentation that is installed.")
@click.argument("program", nargs=-1, required=True, type=click.UNPROCESSED)
def command(
    endpoint: str | None, service_name: str | None, capture_content: bool, only: bool, program: tuple[str, ...]
) -> None:
    """Run a Python program with its LLM clients instrumented.

    \b
    otel-llm run -- python app.py
    otel-llm run --endpoint http://collector:4318 --service-name shop -- uvicorn shop:app

    Every OTEL_* variable that is set already keeps its value. Other OpenTelemetry instrumentations that are
    installed are switched on too, such as those of HTTP clients and web frameworks, unless --only is given.
    """
    environment = run_environment(
        os.environ, endpoint=endpoint, service_name=service_name, capture_content=capture_content
    )
    if only:
        environment[_DISABLED] = ",".join(filter(None, (environment.get(_DISABLED), *_other_instrumentations())))
    check_protocols(environment)
    settings, problems = read_settings(environment)
    if problems:
        raise problems[0]
    if settings.prices is not None:
        read_price_file(settings.prices)
    executable = find_program(program[0], environment.get("PATH"))
    environment["PYTHONPATH"] = _python_path(environment.get("PYTHONPATH", ""))
    # the program replaces this process: it gets the signals, and its exit status is the process's
    # by its path: a Python that is called by its name alone looks for its environment on PATH
    os.execve(executable, [executable, *program[1:]], environment)  # noqa: S606 - running the user's program is the point


def _other_instrumentations() -> list[str]:
    """Return the names of the installed instrumentations that auto-instrumentation would switch on beside ours."""
    names = {entry.name for entry in entry_points(group="opentelemetry_instrumentor")}
    return sorted(names - {"otel_llm"})


def _python_path(own: str) -> str:
    """Return PYTHONPATH, which begins with the folder whose sitecustomize.py starts auto-instrumentation.

    `opentelemetry-instrument` does the same: the file loads the SDK's configuration and all instrumentations.
    """
    spec = importlib.util.find_spec("opentelemetry.instrumentation.auto_instrumentation")
    if spec is None or spec.origin is None:
        raise ConfigError("otel-llm run needs opentelemetry-instrumentation: pip install --upgrade otel-llm")
    folder = str(Path(spec.origin).parent)
    paths = [path for path in own.split(os.pathsep) if path and path != folder]
    return os.pathsep.join([folder, *paths])
