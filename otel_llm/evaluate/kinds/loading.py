"""Installed evaluators, loaded as their kind says."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Final

from otel_llm.errors import ConfigError, ModelError, OtelLlmError
from otel_llm.evaluate.definition.evaluator import Evaluator
from otel_llm.evaluate.definition.installed import evaluator_manifests
from otel_llm.evaluate.definition.manifest import EvaluatorManifest

_KINDS: Final[Mapping[str, str]] = {
    "text_classifier": "otel_llm.evaluate.kinds.text_classifier:text_classifier",
    "pair_classifier": "otel_llm.evaluate.kinds.pair_classifier:PairClassifier",
    "token_classifier": "otel_llm.evaluate.kinds.token_classifier:TokenClassifier",
}
"""Class or function that makes a kind's evaluator; imported at its first use: what models run on takes 40 MB."""


def load_evaluators(names: Sequence[str] | None) -> list[Evaluator]:
    """Return the installed evaluators of those names; for None, all whose manifest says `default`.

    Raises:
        ConfigError: there is none of that name.
        ModelError: a folder is not as its manifest says, or two evaluators share a name.
    """
    return [load_evaluator(manifest) for manifest in chosen_manifests(names)]


def chosen_manifests(names: Sequence[str] | None) -> list[EvaluatorManifest]:
    """Return the manifests of the evaluators that `load_evaluators` would load.

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
            ready = [each.name for each in manifests.values() if not each.missing]
            near = difflib.get_close_matches(name, manifests, n=1)
            remedy = f": did you mean {near[0]!r}?" if near else ""
            raise ConfigError(
                f"evaluators: {name!r} is not installed, these are: {', '.join(ready) or 'none'}{remedy}"
            )
    return [
        manifest for name, manifest in manifests.items() if (manifest.default if names is None else name in names)
    ]


def load_evaluator(manifest: EvaluatorManifest) -> Evaluator:
    """Return the evaluator that the manifest describes.

    Raises:
        ModelError: a file is missing, or cannot be loaded, or `code` names no evaluator.
        ChecksumError: a file is not the one on record.
    """
    manifest.check_files()
    if manifest.kind == "python":
        return _python(manifest)
    module, _, name = _KINDS[manifest.kind].partition(":")
    make: Callable[[EvaluatorManifest], Evaluator] = getattr(import_module(module), name)
    return make(manifest)


def _python(manifest: EvaluatorManifest) -> Evaluator:
    """Return the evaluator that the class named by `code` makes of the manifest."""
    where = f"{manifest.folder / 'evaluator.toml'}: code"
    module_name, _, name = (manifest.code or "").partition(":")
    try:
        module = import_module(module_name)
    except Exception as error:  # third-party code may raise anything while it is imported
        raise ModelError(
            f"{where} must name a module that can be imported, got {module_name!r}: {error!r}"
        ) from error
    make = getattr(module, name, None)
    if make is None:
        raise ModelError(f"{where} must name a class of {module_name}, got {name!r}: it has none of that name")
    try:
        evaluator: Evaluator = make(manifest)
    except OtelLlmError:
        raise
    except Exception as error:  # and while its class is called
        raise ModelError(f"{where} must name a class that takes a manifest, got {name!r}: {error!r}") from error
    lacking = [method for method in ("texts", "evaluate") if not callable(getattr(evaluator, method, None))]
    if lacking or getattr(evaluator, "manifest", None) is not manifest:
        raise ModelError(
            f"{where} must name a class whose objects have manifest (the one given), texts and evaluate,"
            f" got {name!r} without {', '.join(lacking) or 'that manifest'}"
        )
    return evaluator
