"""The demo as a process."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Final

from rich.console import Console

from otel_llm.config.cache import cache_folder
from otel_llm.config.demo import DemoSettings
from otel_llm.demo import interrupt, plan
from otel_llm.demo.interrupt import Interrupted
from otel_llm.demo.processes import require_servers
from otel_llm.demo.runner import Demo
from otel_llm.demo.screens.picture import check_writable
from otel_llm.errors import OtelLlmError, ServerError
from otel_llm.serve.models.weights import ensure_weights

_PIPED_WIDTH: Final = 140  # columns of tables that go to a file


def start(settings: DemoSettings) -> int:
    """Run the demo; return its exit code."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=_PIPED_WIDTH)
    with interrupt.interruptible():
        try:
            if settings.save_svg:
                check_writable(settings.save_svg)
            require_servers(settings)
            ports = plan.choose_ports(settings)
            ensure_weights(cache_folder())  # before the view opens: pip's progress bar needs the terminal
            return _run_logged(settings, ports, console)
        except Interrupted as error:
            return error.exit_code


def _run_logged(settings: DemoSettings, ports: plan.Ports, console: Console) -> int:
    """Run the demo in a temporary folder, which stays if a part failed."""
    folder = Path(tempfile.mkdtemp(prefix="otel-llm-demo-"))
    try:
        code = Demo(settings, ports, folder, console).run()
    except OtelLlmError as error:
        raise ServerError(f"{error}\nThe logs of all parts are in {folder}") from error
    shutil.rmtree(folder, ignore_errors=True)  # a log that cannot be removed is no reason to fail
    return code
