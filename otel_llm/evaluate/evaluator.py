"""What an evaluator is, and how installed ones are loaded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from otel_llm.errors import ConfigError, ModelError
from otel_llm.evaluate.classifier import TextClassifier
from otel_llm.evaluate.encoder import Encoding
from otel_llm.evaluate.groundedness import Groundedness
from otel_llm.evaluate.manifest import EvaluatorManifest, evaluator_manifests
from otel_llm.evaluate.result import Result
from otel_llm.receive.call import Call


class Evaluator(Protocol):
    """Scores one call at a time from texts that the shared encoder has read for all evaluators at once."""

    manifest: EvaluatorManifest

    def texts(self, call: Call) -> Iterable[str]:
        """Return the texts whose encodings `evaluate` needs."""

    def evaluate(self, call: Call, encodings: Mapping[str, Encoding]) -> list[Result]:
        """Return one result per target, in the manifest's order."""


def load_evaluators(names: Sequence[str] | None) -> list[Evaluator]:
    """Return the installed evaluators of those names, or all of them.

    Raises:
        ConfigError: there is none of that name.
        ModelError: a folder is not as its manifest says, or two evaluators share a name.
    """
    manifests: dict[str, EvaluatorManifest] = {}
    for manifest in evaluator_manifests():
        if manifest.name in manifests:
            other = manifests[manifest.name].folder
            raise ModelError(
                f"{manifest.folder}: name must be its own, got {manifest.name!r}, which {other} has too"
            )
        manifests[manifest.name] = manifest
    for name in names or ():
        if name not in manifests:
            raise ConfigError(
                f"evaluators: {name!r} is not installed, these are: {', '.join(manifests) or 'none'}"
            )
    return [load_evaluator(manifest) for name, manifest in manifests.items() if names is None or name in names]


def load_evaluator(manifest: EvaluatorManifest) -> Evaluator:
    """Return the evaluator that the manifest describes.

    Raises:
        ModelError: a file is missing, or cannot be loaded.
        ChecksumError: a file is not the one on record.
    """
    manifest.check_files()
    return TextClassifier(manifest) if manifest.kind == "text_classifier" else Groundedness(manifest)
