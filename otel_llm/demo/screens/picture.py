"""The view as an SVG picture."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Final

from rich.console import Console

from otel_llm.demo.screens.view import View
from otel_llm.demo.snapshot import Snapshot
from otel_llm.errors import ConfigError

_WIDTH, _HEIGHT = (
    160,
    46,
)  # characters and lines: room for every column of the table, and the calls of the last phase

# rich refers to fonts on a web server, but opening a picture should send no request
_WEB_FONTS: Final = re.compile(r"@font-face\s*\{.*?\}\s*", re.DOTALL)


def check_writable(path: Path) -> None:
    """Check before the run, which takes a minute, that the picture can be written.

    Raises:
        ConfigError: the file cannot be written.
    """
    try:
        path.touch()
    except OSError as error:
        raise ConfigError(f"--save-svg: {path} cannot be written: {error.strerror}") from error


def save_svg(snapshot: Snapshot, path: Path) -> None:
    """Write the view of the snapshot to a file."""
    console = Console(
        record=True,
        width=_WIDTH,
        height=_HEIGHT,
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
    )
    console.print(View(snapshot))
    path.write_text(_WEB_FONTS.sub("", console.export_svg(title="otel-llm demo")), encoding="utf-8")
