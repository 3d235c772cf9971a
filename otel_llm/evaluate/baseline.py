"""Baseline files: embeddings of texts as they should be, to compare later ones with."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from otel_llm.errors import ConfigError
from otel_llm.evaluate.drift import Reference, features
from otel_llm.evaluate.manifest import EncoderManifest
from otel_llm.evaluate.runtime import FloatArray

_LEAST_TEXTS = 8


def write_baseline(path: Path, name: str, embeddings: FloatArray, encoder: EncoderManifest) -> None:
    """Write embeddings, (n, dimension) of length 1, with the name of the reference and of the encoder."""
    np.savez_compressed(path, name=name, encoder=f"{encoder.name}-{encoder.version}", embeddings=embeddings)


def read_baseline(path: Path, encoder: EncoderManifest) -> Reference:
    """Return the reference in the file.

    Raises:
        ConfigError: it cannot be read, is too small, or was made with another encoder.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            name, made_with, embeddings = str(file["name"]), str(file["encoder"]), file["embeddings"]
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise ConfigError(f"drift.baseline: {path} must be a baseline file: {error}") from error
    expected = f"{encoder.name}-{encoder.version}"
    if made_with != expected:
        raise ConfigError(f"drift.baseline: {path} must be made with {expected}, got {made_with}: make it again")
    if embeddings.ndim != 2 or len(embeddings) < _LEAST_TEXTS:
        raise ConfigError(
            f"drift.baseline: {path} must hold at least {_LEAST_TEXTS} embeddings, got shape {embeddings.shape}"
        )
    return Reference(name, features(embeddings.astype(np.float32)))
