"""The command `otel-llm collector replay`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import click

from otel_llm.dead_letters.stage import STAGES
from otel_llm.extras import needs

_FILE: Final = click.Path(dir_okay=False, path_type=Path)


@click.command("replay")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--to", "url", default="http://localhost:4318", show_default=True, help="Base URL of OTLP/HTTP.")
@click.option("--list", "show", is_flag=True, help="Show what the file holds; send nothing.")
@click.option("--stage", "stages", multiple=True, type=click.Choice(STAGES), help="Only letters of this stage.")
@click.option("--limit", type=click.IntRange(min=1), help="So many letters at most.")
@click.option("--keep", is_flag=True, help="Leave the file as it is, whatever is delivered.")
@click.option("--header", "headers", multiple=True, metavar="NAME=VALUE", help="A header of each request.")
@click.option("--ca-file", type=_FILE, help="Who signs the receiver's certificate, in PEM; else the system's.")
@click.option("--cert-file", type=_FILE, help="Our certificate, in PEM, where the receiver asks for one.")
@click.option("--key-file", type=_FILE, help="Its private key, in PEM.")
@click.option("--tenant-header", default="X-Scope-OrgID", show_default=True, help="Header for a letter's tenant.")
def command(
    file: Path,
    *,
    url: str,
    show: bool,
    stages: tuple[str, ...],
    limit: int | None,
    keep: bool,
    headers: tuple[str, ...],
    ca_file: Path | None,
    cert_file: Path | None,
    key_file: Path | None,
    tenant_header: str,
) -> None:
    """Send dead letters to a receiver of OTLP once more; those that are refused stay in FILE.

    Those of the stages decode and evaluate are for this service, those of forward for the receiver that
    forward.endpoint names, those of events for that of events.endpoint.

    The service may write to FILE meanwhile. Exits with 1 where a letter is refused, or a line is no letter.
    """
    with needs("otel-llm collector replay", "collector"):
        from otel_llm.dead_letters.replay import ReplayOptions, send_letters, show_letters
    if show:
        sys.exit(0 if show_letters(file, stages, limit) else 1)
    options = ReplayOptions(
        url=url,
        headers=headers,
        ca_file=ca_file,
        cert_file=cert_file,
        key_file=key_file,
        tenant_header=tenant_header,
    )
    sys.exit(0 if send_letters(file, options, stages, limit, keep=keep) else 1)
