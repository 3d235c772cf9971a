"""The manifests of evaluators and encoders, read and checked."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from otel_llm.errors import ChecksumError, ModelError
from otel_llm.evaluate.definition.result import Target
from otel_llm.evaluate.definition.target_texts import EvaluatedPart

_Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
_CLASSIFIERS: Final = ("text_classifier", "pair_classifier", "token_classifier")
_OWN_KEYS: Final = {
    "code": ("python",),
    "options": ("python",),
    "parts": ("python",),
    "labels": _CLASSIFIERS,
    "label": _CLASSIFIERS,
    "activation": _CLASSIFIERS,
    "tokenizer": _CLASSIFIERS,
    "max_tokens": _CLASSIFIERS,
    "max_windows": _CLASSIFIERS,
    "screen": ("text_classifier",),
    "order": ("pair_classifier",),
}
"""Kinds that a key belongs to; a key that is not listed belongs to all kinds."""


class _Folder(BaseModel):
    """The keys that the manifests of encoders and evaluators share."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: Path
    """Folder of the manifest; no key of the file."""
    name: _Name
    """Name in settings, results and metrics."""
    version: str
    """Version, part of each result's id; every change of weights, threshold or windowing changes the version."""
    files: dict[str, _Sha256] = {}
    """Sha256 of every file that is loaded, by name."""

    def path(self, file: str) -> Path:
        """Return the path of one of `files`.

        Raises:
            ModelError: the manifest does not list it.
        """
        if file not in self.files:
            raise ModelError(f"{self.folder}: the manifest's files must list {file}, got {sorted(self.files)}")
        return self.folder / file

    def check_files(self) -> None:
        """Compare each file with its sha256.

        Raises:
            ModelError: a file is missing.
            ChecksumError: a file is not the one on record.
        """
        for file, expected in self.files.items():
            path = self.folder / file
            if not path.is_file():
                raise ModelError(f"{path}: is missing: install what brought this folder again")
            actual = hashlib.sha256(path.read_bytes()).hexdigest()
            if actual != expected:
                raise ChecksumError(
                    f"{path}: sha256 must be {expected}, got {actual}: install what brought the file again"
                )


class EncoderManifest(_Folder):
    """`encoder.toml`: a frozen text encoder that evaluators share."""

    dimension: Annotated[int, Field(gt=0)]
    """Numbers per token state."""
    max_tokens: Annotated[int, Field(ge=10)]
    """Tokens in a window, with the two special ones; a longer text is encoded in several windows."""
    max_windows: Annotated[int, Field(ge=2)]
    """Windows of a text that are encoded; of a longer text the first half and the last half of that number."""


class EvaluatorManifest(_Folder):
    """`evaluator.toml`: one evaluator. The table in evaluators/README.md says which keys belong to which kind."""

    kind: Literal["python", "text_classifier", "pair_classifier", "token_classifier"]
    """Code that runs the evaluator: the class that `code` names, or a classifier over `model.onnx`."""
    targets: Annotated[tuple[Target, ...], Field(min_length=1)]
    """Sides of a call that are scored."""
    parts: Annotated[tuple[EvaluatedPart, ...], Field(min_length=1)] = ("text",)
    """python: parts that are read: arguments of tool calls count to the output, results of tools to the input."""
    scores: str
    """Meaning of the score, in a word or two: the score is its probability."""
    threshold: Annotated[float, Field(ge=0, le=1)]
    """Score that separates pass from fail."""
    fails: Literal["above", "below"] = "above"
    """Side of the threshold that fails: at and above the threshold, or below the threshold."""
    default: bool = True
    """True if the evaluator runs where no evaluators are named. False: it runs only where its name is given."""
    requires: dict[str, str] = {}
    """Modules of libraries that may be missing, each with the command that installs it."""
    encoder: _Name | None = None
    """Name of the shared encoder whose output the evaluator reads; None means no encoder."""

    code: Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")] | None = None
    """python: the class, as "package.module:Class"; the class is called with the manifest."""
    options: dict[str, Any] = {}
    """python: settings of the class, which reads them with `read_options`."""

    labels: tuple[str, ...] = ()
    """Classifiers: names of the model's outputs, in their order; may be empty for a model with one output."""
    label: str | None = None
    """Classifiers: label whose probability is the score (token_classifier: 1 minus it); None means the first."""
    activation: Literal["sigmoid", "softmax", "none"] = "none"
    """Classifiers: function that makes the outputs probabilities; "none" for outputs that are probabilities."""
    tokenizer: str | None = None
    """Classifiers without an encoder: file of the tokenizer."""
    max_tokens: Annotated[int, Field(ge=16)] = 512
    """Classifiers without an encoder: tokens in a window, with the special ones."""
    max_windows: Annotated[int, Field(ge=2)] = 16
    """Classifiers without an encoder: bound on the model's runs for one side of one call."""
    screen: Annotated[float, Field(gt=0, lt=1)] | None = None
    """text_classifier: mean of a segment's `screen` from which on the segment is scored by itself, too; None means
    that the model has no such output, and windows alone are scored."""
    order: Literal["context_first", "claim_first"] = "context_first"
    """pair_classifier: order in which the model reads the two texts."""

    @model_validator(mode="after")
    def _fits_its_kind(self) -> EvaluatorManifest:
        if faults := list(_faults(self)):
            raise ValueError("; ".join(faults))
        return self

    @property
    def has_whole_model(self) -> bool:
        """True if the evaluator runs a whole model on tokens, not a head over the encoder and not rules."""
        return self.encoder is None and "model.onnx" in self.files

    @property
    def missing(self) -> list[str]:
        """Commands that install what is missing; empty if the evaluator can run."""
        return [command for module, command in self.requires.items() if find_spec(module) is None]

    def is_fail(self, score: float) -> bool:
        """Return whether the score fails."""
        return score >= self.threshold if self.fails == "above" else score < self.threshold

    def read_options(self, kind: type[_Options]) -> _Options:
        """Return `options`, checked by the pydantic model.

        Raises:
            ModelError: a key is missing, unknown or wrong.
        """
        try:
            return kind.model_validate(self.options)
        except ValidationError as error:
            raise ModelError(f"{self.folder / 'evaluator.toml'}: {_describe(error, 'options')}") from error


_Options = TypeVar("_Options", bound=BaseModel)
_Manifest = TypeVar("_Manifest", bound=_Folder)


def read_manifest(path: Path, kind: type[_Manifest]) -> _Manifest:
    """Return the manifest in the file; its weights are not read.

    Raises:
        ModelError: it is not TOML, or a key is missing, unknown or wrong.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ModelError(f"{path}: must be a TOML file, in UTF-8: {error}") from error
    if "folder" in values:
        raise ModelError(
            f"{path}: folder: is where the file lies, and no key of it, got {values['folder']!r}: remove it"
        )
    try:
        return kind.model_validate({"folder": path.parent, **values})
    except ValidationError as error:
        raise ModelError(f"{path}: {_describe(error)}") from error


def _faults(manifest: EvaluatorManifest) -> Iterator[str]:
    """Yield each fault of keys that depend on each other."""
    kind, given = manifest.kind, manifest.model_fields_set
    for key in sorted(given & _OWN_KEYS.keys()):
        if kind not in _OWN_KEYS[key]:
            yield f"{key}: belongs to kind {' or '.join(_OWN_KEYS[key])}, got it with {kind!r}: remove it"
    if kind == "python":
        if manifest.code is None:
            yield "code: is required with kind 'python': name the class, as in \"package.module:Class\""
        return
    if (manifest.tokenizer is None) == (manifest.encoder is None):
        yield (
            f"tokenizer: must be given where encoder is not, and only there, got tokenizer {manifest.tokenizer!r}"
            f" and encoder {manifest.encoder!r}: name the encoder that a head reads, or a whole model's tokenizer"
        )
    if manifest.encoder is not None and given & {"max_tokens", "max_windows"}:
        yield "max_tokens, max_windows: are those of the encoder where one is named: remove them"
    if manifest.encoder is not None and manifest.screen is not None:
        yield f"screen: belongs to a whole model, got {manifest.screen} beside an encoder: remove it"
    if kind != "text_classifier" and (manifest.targets != ("output",) or manifest.fails != "below"):
        yield (
            f"targets, fails: must be ['output'] and 'below' with kind {kind!r}, whose score says how well an"
            f" answer is supported, got {list(manifest.targets)} and {manifest.fails!r}"
        )
    if manifest.encoder is not None and kind != "text_classifier":
        yield f"encoder: belongs to kind text_classifier or python, got it with {kind!r}: name a tokenizer instead"
    needed = {"model.onnx", *filter(None, [manifest.tokenizer])}
    if missing := sorted(needed - manifest.files.keys()):
        yield f"files: must list {', '.join(missing)}, got {sorted(manifest.files)}: add each with its sha256"
    if manifest.label is not None and manifest.label not in manifest.labels:
        yield f"label: must be one of labels, {list(manifest.labels)}, got {manifest.label!r}"
    if len(set(manifest.labels)) != len(manifest.labels):
        yield f"labels: must differ, got {list(manifest.labels)}"


def _describe(error: ValidationError, *within: str) -> str:
    """Return each fault with its key and value."""
    faults = []
    for fault in error.errors():
        key = ".".join([*within, *map(str, fault["loc"])])
        if key or fault["type"] != "value_error":
            faults.append(f"{key}: {fault['msg']}, got {fault['input']!r}")
        else:  # the message of `_faults` has key and value
            faults.append(str(fault["ctx"]["error"]))
    return "; ".join(faults)
