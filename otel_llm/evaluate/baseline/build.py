"""Makes a baseline file of the texts in a file of records."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from otel_llm.errors import ConfigError, RecordError
from otel_llm.evaluate.definition.result import Target
from otel_llm.evaluate.drift.baseline import LEAST_TEXTS, write_baseline
from otel_llm.evaluate.engine.shared_encoder import SharedEncoder
from otel_llm.evaluate.offline.record_file import Line, parse_object, read_lines
from otel_llm.evaluate.run.pipeline_parts import drift_encoder
from otel_llm.text.well_formed import well_formed


def build_baseline(source: Path, output: Path, *, name: str, side: Target, threads: int) -> int:
    """Write a baseline of the distinct texts of one side; return their number.

    Args:
        source: JSON Lines; each object's key `input` or `output` is read.
        output: the file to write.
        name: name of the reference, in the metrics' label `baseline`.
        side: side of the calls.
        threads: threads that encode.

    Raises:
        ConfigError: a file cannot be read or written, or there are too few texts.
        RecordError: a line is no record.
    """
    manifest = drift_encoder()
    texts = list(dict.fromkeys(_texts(source, side)))
    if len(texts) < LEAST_TEXTS:
        raise ConfigError(
            f"{source}: must hold at least {LEAST_TEXTS} different texts of {side!r}, got {len(texts)}"
        )
    encoder = SharedEncoder(manifest, threads=threads, providers=["CPUExecutionProvider"])
    encodings = encoder.encode(texts)
    embeddings = np.stack([encodings[text].pooled for text in texts])
    try:
        write_baseline(output, name, embeddings, manifest)
    except OSError as error:
        raise ConfigError(f"--output: {output} cannot be written: {error.strerror}") from error
    return len(texts)


def _texts(source: Path, side: Target) -> Iterator[str]:
    try:
        with source.open("rb") as file:
            for line in (line for lines in read_lines(file) for line in lines):
                text = _text(line, side)
                if text.strip():
                    yield well_formed(text)
    except OSError as error:
        raise ConfigError(f"{source}: must be a file that can be read: {error.strerror}") from error
    except RecordError as error:
        raise type(error)(f"{source}: {error}") from None


def _text(line: Line, side: Target) -> str:
    text = parse_object(line).get(side) or ""
    if not isinstance(text, str):
        raise RecordError(f"line {line.number}: {side}: must be a text, got {type(text).__name__}")
    return text
