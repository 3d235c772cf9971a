"""`otel-llm models`."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path
from typing import Any, Final

import click

from otel_llm.errors import ConfigError, ModelError, OtelLlmError
from otel_llm.extras import needs

_KINDS: Final = {
    "detoxify": "detoxify",
    "sentence-transformer": "sentence_transformer",
    "nli": "nli",
    "lettucedetect": "lettucedetect",
    "hhem": "hhem",
}
"""Kinds of sources, with the default names of their folders."""
_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")  # as in manifests; checked here, before minutes of work


@click.group("models")
def command() -> None:
    """List, check and export evaluators."""


@command.command("list")
def list_() -> None:
    """List what is installed: evaluators and encoders."""
    with needs("otel-llm models", "collector"):
        from otel_llm.models.installed import rows, table
    click.echo(table(rows()))


@command.command("check")
@click.argument("names", nargs=-1, metavar="[NAME|FOLDER]...")
def check(names: tuple[str, ...]) -> None:
    """Check installed evaluators and encoders by NAME, or a FOLDER; without either, all that is installed.

    Their files against their checksums, their cases, and what every evaluator must keep to. Exit code 1 where
    anything is wrong.
    """
    with needs("otel-llm models", "collector"):
        from otel_llm.evaluate.definition.manifest import EvaluatorManifest
        from otel_llm.models.installed import manifest_of, rows
        from otel_llm.models.verification import faults_of
    wrong = 0
    for name in names or [row.where for row in rows()]:
        manifest = manifest_of(name)
        missing = manifest.missing if isinstance(manifest, EvaluatorManifest) else []
        if missing and not names:
            click.echo(f"{manifest.name} {manifest.version}: not checked, needs {' and '.join(missing)}")
            continue
        faults = faults_of(manifest)
        wrong += bool(faults)
        click.echo(f"{manifest.name} {manifest.version}: {_counted(faults)}")
        for fault in faults:
            click.echo(f"  {fault}")
    if wrong:
        raise SystemExit(1)


@command.command("export")
@click.argument("source")
@click.option("--kind", type=click.Choice(list(_KINDS)), required=True, help="What SOURCE is.")
@click.option(
    "--output", type=click.Path(path_type=Path), required=True, help="Folder to write; must not be there yet."
)
@click.option(
    "--precision",
    type=click.Choice(["int8", "fp16", "fp32"]),
    default="int8",
    show_default=True,
    help="Of the weights: int8 per channel for processors, fp16 for GPUs.",
)
@click.option(
    "--texts",
    type=click.Path(path_type=Path),
    help="JSON Lines to compare on, as `evaluate` reads.  [default: our own]",
)
@click.option("--tolerance", type=click.FloatRange(min=0), help="Greatest difference.  [default: by --precision]")
@click.option("--name", help="What it is called.  [default: by --kind]")
@click.option("--version", help="Its version.  [default: from the checksums]")
@click.option(
    "--threshold", type=click.FloatRange(0, 1), default=0.5, show_default=True, help="Parts pass and fail."
)
@click.option("--label", help="The label whose probability is the score, where SOURCE does not say.")
@click.option("--max-tokens", type=click.IntRange(16), help="Tokens in a window.  [default: what the model takes]")
@click.option(
    "--base", help="Folder or name with configuration and tokenizer, for Detoxify's checkpoints and HHEM."
)
def export(source: str, output: Path, **options: Any) -> None:
    """Make SOURCE, a model's folder or checkpoint, a folder that the service runs, and measure how near it comes.

    \b
    Kinds:
      detoxify              a checkpoint's file, or original, unbiased, multilingual
      sentence-transformer  an encoder, for sentence_transformers.SentenceTransformer
      nli                   a cross-encoder, for sentence_transformers.CrossEncoder
      lettucedetect         a token classifier of (context, answer), for transformers
      hhem                  vectara's HHEM-2.1-Open, without running its own code

    SOURCE may be a name that the library fetches itself. A pickled checkpoint can run code when it is loaded.
    """
    if output.exists():
        raise ConfigError(f"--output: must not be there yet, got {output}: name another, or remove it")
    name = options["name"] or _KINDS[options["kind"]]
    if not _NAME.fullmatch(name):
        raise ConfigError(f"--name: must be small letters, digits and _, a letter first, got {name!r}")
    with needs("otel-llm models export", "export"):
        from otel_llm.models.texts import read_calls
    calls = read_calls(options["texts"])
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=f".{output.name}-") as work:
        folder = Path(work) / output.name
        folder.mkdir()
        for line in _export(source, options | {"name": name}, calls, folder):
            click.echo(line)
        shutil.move(folder, output)
    click.echo(f"written: {output}")


def _export(source: str, options: dict[str, Any], calls: list[Any], folder: Path) -> list[str]:
    """Export into the folder; return the lines that describe the export."""
    with needs("otel-llm models export", "export"):
        from otel_llm.models.export import TOLERANCES, ExportRequest, export  # torch takes seconds to import
        from otel_llm.models.original import Options
    tolerance = options["tolerance"]
    request = ExportRequest(
        source=source,
        kind=options["kind"],
        name=options["name"],
        version=options["version"],
        precision=options["precision"],
        threshold=options["threshold"],
        tolerance=TOLERANCES[options["precision"]] if tolerance is None else tolerance,
        texts=f"{len(calls)} records of {options['texts'] or 'our own'}",
        options=Options(base=options["base"], label=options["label"], max_tokens=options["max_tokens"]),
    )
    try:
        with needs("otel-llm models export", "export"):
            exported = export(request, calls, folder)
    except OtelLlmError:
        raise
    except Exception as error:  # the source's library may raise anything
        raise ModelError(f"{source}: cannot be loaded or exported as {options['kind']}: {error}") from error
    cases = f"{exported.cases} cases written: calls far enough from the threshold" if exported.cases else ""
    return [line for line in (*exported.lines, cases) if line]


def _counted(faults: list[str]) -> str:
    return f"{len(faults)} fault{'s' * (len(faults) > 1)}" if faults else "ok"
