"""The command `otel-llm baseline`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from otel_llm.cores import available_cores
from otel_llm.extras import needs


@click.group("baseline")
def command() -> None:
    """Make the texts that drift is measured from."""


@command.command("build")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--output", type=click.Path(path_type=Path), required=True, help="File to write, such as june.npz.")
@click.option(
    "--side", type=click.Choice(["input", "output"]), default="input", show_default=True, help="Texts to read."
)
@click.option("--name", help="Name of the reference in metrics.  [default: that of the file]")
def build(file: Path, output: Path, side: Literal["input", "output"], name: str | None) -> None:
    """Make a baseline of the texts in FILE, for `evaluate.drift.baseline` of the service.

    FILE is JSON Lines as `otel-llm evaluate` reads; of each object the key `input`, or `output`, is read. Take
    some hundred texts of good times. The file that is written has embeddings, and no text.
    """
    with needs("otel-llm baseline", "collector"):
        from otel_llm.evaluate.baseline.build import build_baseline
    count = build_baseline(file, output, name=name or output.stem, side=side, threads=available_cores())
    click.echo(f"{output}: {count:,} texts of {side!r}, named {name or output.stem}")
