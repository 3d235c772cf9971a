"""Baseline files: embeddings of good texts, which later texts are compared with."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import numpy as np
from numpy.lib.npyio import NpzFile

from otel_llm.errors import ConfigError
from otel_llm.evaluate.definition.encoding import FloatArray
from otel_llm.evaluate.definition.manifest import EncoderManifest
from otel_llm.evaluate.drift.detector import Reference, features

LEAST_TEXTS = 8
# what zipfile and numpy raise for damaged files and for files of other kinds
_UNREADABLE = (OSError, EOFError, KeyError, RuntimeError, ValueError, zipfile.BadZipFile, zlib.error)


def write_baseline(path: Path, name: str, embeddings: FloatArray, encoder: EncoderManifest) -> None:
    """Write embeddings, (n, dimension) of length 1, with the name of the reference and of the encoder."""
    with path.open("wb") as file:  # to a path without .npz, numpy would add it
        np.savez_compressed(file, name=name, encoder=f"{encoder.name}-{encoder.version}", embeddings=embeddings)


def read_baseline(path: Path, encoder: EncoderManifest) -> Reference:
    """Return the reference in the file.

    Raises:
        ConfigError: it cannot be read, is too small, or was made with another encoder.
    """
    try:
        with path.open("rb") as opened, NpzFile(opened) as file:  # np.load would also read a plain array
            name, made_with, embeddings = str(file["name"]), str(file["encoder"]), file["embeddings"]
    except _UNREADABLE as error:
        raise ConfigError(
            f"drift.baseline: {path} must be a baseline file ({error}): make one with `otel-llm baseline build`"
        ) from error
    expected = f"{encoder.name}-{encoder.version}"
    if made_with != expected:
        raise ConfigError(f"drift.baseline: {path} must be made with {expected}, got {made_with}: make it again")
    if embeddings.ndim != 2 or len(embeddings) < LEAST_TEXTS:
        raise ConfigError(
            f"drift.baseline: {path} must hold at least {LEAST_TEXTS} embeddings, got shape {embeddings.shape}"
        )
    return Reference(name, features(embeddings.astype(np.float32)))
