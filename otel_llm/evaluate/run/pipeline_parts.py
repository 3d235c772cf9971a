"""The parts of a pipeline, loaded as the settings say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from otel_llm.config.evaluate import EvaluateSettings
from otel_llm.errors import ModelError
from otel_llm.evaluate.definition.evaluator import Evaluator
from otel_llm.evaluate.definition.installed import encoder_manifest
from otel_llm.evaluate.definition.manifest import EncoderManifest
from otel_llm.evaluate.engine.execution_providers import running_on
from otel_llm.evaluate.engine.shared_encoder import SharedEncoder
from otel_llm.evaluate.kinds.loading import load_evaluators

if TYPE_CHECKING:
    from otel_llm.evaluate.drift.monitor import DriftMonitor

_ENCODER: Final = "minilm_l6_v2"


class Parts(NamedTuple):
    """Everything that a pipeline evaluates with."""

    evaluators: Sequence[Evaluator]
    encoder: SharedEncoder
    monitor: DriftMonitor | None
    """Monitor of drift; None if drift is not watched."""


def load_parts(settings: EvaluateSettings) -> Parts:
    """Return the installed evaluators that the settings name, the encoder, and the drift monitor.

    The encoder is loaded only if an evaluator's manifest names the encoder, or drift is watched.

    Raises:
        ConfigError: an evaluator is not installed, a provider is not available, or a baseline cannot be used.
        ModelError: an evaluator or the encoder is not as its manifest says, or an evaluator reads another encoder.
    """
    manifest = encoder_manifest(_ENCODER)
    with running_on(settings.providers):
        evaluators = load_evaluators(settings.evaluators)
    for evaluator in evaluators:
        if evaluator.manifest.encoder not in {None, manifest.name}:
            raise ModelError(
                f"{evaluator.manifest.folder}: encoder must be {manifest.name!r}, the one that is run,"
                f" got {evaluator.manifest.encoder!r}: name only others in evaluate.evaluators"
            )
    encoder = SharedEncoder(manifest, threads=settings.threads, providers=settings.providers)
    monitor = _monitor(settings, manifest)
    if monitor or any(evaluator.manifest.encoder for evaluator in evaluators):
        encoder.load()
    return Parts(evaluators, encoder, monitor)


def drift_encoder() -> EncoderManifest:
    """Return the encoder whose embeddings drift is measured in.

    Raises:
        ModelError: it is not installed.
    """
    return encoder_manifest(_ENCODER)


def check_baseline(settings: EvaluateSettings) -> None:
    """Check the drift baseline, as `load_parts` does; no model is loaded.

    Raises:
        ConfigError: the baseline cannot be used.
    """
    if settings.drift.baseline:
        _monitor(settings, encoder_manifest(_ENCODER))


def _monitor(settings: EvaluateSettings, manifest: EncoderManifest) -> DriftMonitor | None:
    if not settings.drift.enabled:
        return None
    from otel_llm.evaluate.drift.monitor import DriftMonitor  # noqa: PLC0415 - with numpy: only where drift is watched

    return DriftMonitor(settings.drift, manifest)
