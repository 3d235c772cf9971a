"""The faults of a folder, by the checks of evaluators or those of encoders."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from otel_llm.errors import ModelError
from otel_llm.evaluate.conformance.checks import check
from otel_llm.evaluate.definition.installed import encoder_manifest
from otel_llm.evaluate.definition.manifest import EncoderManifest, EvaluatorManifest
from otel_llm.evaluate.engine.encoder import Encoder
from otel_llm.evaluate.kinds.loading import load_evaluator

_SHARED: Final = "minilm_l6_v2"
_TEXTS: Final = ("a", "The library opens at nine.", "図書館は九時に開く。🎉", "\x00", "One more word. " * 500)


def faults_of(manifest: EvaluatorManifest | EncoderManifest) -> list[str]:
    """Return the faults of the folder; an empty list for a good one."""
    try:
        if isinstance(manifest, EncoderManifest):
            return list(_faults_of_encoder(Encoder(manifest)))
        evaluator = load_evaluator(manifest)
        return check(evaluator, Encoder(encoder_manifest(manifest.encoder or _SHARED)))
    except ModelError as error:  # a folder that cannot be loaded cannot be checked further
        return [str(error)]


def _faults_of_encoder(encoder: Encoder) -> Iterator[str]:
    together = encoder.encode(_TEXTS)
    for text, encoding in together.items():
        length = float(np.linalg.norm(encoding.pooled))
        if not abs(length - 1) < 1e-3:  # true for nan, too
            yield f"{text[:40]!r}: its embedding must be of length 1, got {length}"
        if not np.array_equal(encoder.encode([text])[text].pooled, encoding.pooled):
            yield f"{text[:40]!r}: its embedding must not depend on other texts"
        if len(encoding.windows) > encoder.manifest.max_windows:
            yield f"{text[:40]!r}: must have at most max_windows windows, got {len(encoding.windows)}"
