"""The manifests of evaluators and encoders, read and checked."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from otel_llm.errors import ChecksumError, ModelError
from otel_llm.evaluate.definition.result import Target

_Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
_CLASSIFIERS: Final = ("text_classifier", "pair_classifier", "token_classifier")
_OWN_KEYS: Final = {
    "code": ("python",),
    "options": ("python",),
    "labels": _CLASSIFIERS,
    "label": _CLASSIFIERS,
    "activation": _CLASSIFIERS,
    "tokenizer": _CLASSIFIERS,
    "max_tokens": _CLASSIFIERS,
    "max_windows": _CLASSIFIERS,
    "worst_share": ("text_classifier",),
    "order": ("pair_classifier",),
}
"""Which kinds a key belongs to; any other key belongs to all."""


class _Folder(BaseModel):
    """What the manifests of encoders and evaluators share."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: Path
    """Where the manifest lies; not in the file."""
    name: _Name
    """What it is called, in settings, results and metrics."""
    version: str
    """Changed with every change of weights, threshold or windowing: part of each result's id."""
    files: dict[str, _Sha256] = {}
    """Every file that is loaded, and its sha256."""

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
    """Tokens in a window, the two special ones included; a longer text is encoded in several windows."""
    max_windows: Annotated[int, Field(ge=2)]
    """Windows encoded of one text; of a longer one the first half and the last half of that number."""


class EvaluatorManifest(_Folder):
    """`evaluator.toml`: one evaluator. Which keys belong to a kind: evaluators/README.md."""

    kind: Literal["python", "text_classifier", "pair_classifier", "token_classifier"]
    """What runs it: the class that `code` names, or our own code over the folder's `model.onnx`."""
    targets: Annotated[tuple[Target, ...], Field(min_length=1)]
    """The sides of a call that it scores."""
    scores: str
    """What the score is the probability of, in a word or two."""
    threshold: Annotated[float, Field(ge=0, le=1)]
    """The score that parts pass from fail."""
    fails: Literal["above", "below"] = "above"
    """Whether a score fails at and above the threshold, or below it."""
    default: bool = True
    """Whether it runs where no evaluators are named; else only where it is."""
    encoder: _Name | None = None
    """The shared encoder whose output it reads; None where it reads none."""

    code: Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")] | None = None
    """python: the class, as "package.module:Class"; it is called with the manifest."""
    options: dict[str, Any] = {}
    """python: settings of its own, which the class checks itself: `read_options`."""

    labels: tuple[str, ...] = ()
    """Classifiers: the names of the model's outputs, in their order; may be left out where it has one."""
    label: str | None = None
    """Classifiers: the one whose probability is the score (token_classifier: 1 minus it); None: the first."""
    activation: Literal["sigmoid", "softmax", "none"] = "none"
    """Classifiers: what makes the model's outputs probabilities; none where they are."""
    tokenizer: str | None = None
    """Classifiers without an encoder: the tokenizer's file."""
    max_tokens: Annotated[int, Field(ge=16)] = 512
    """Classifiers without an encoder: tokens in a window, special ones included."""
    max_windows: Annotated[int, Field(ge=2)] = 16
    """Classifiers without an encoder: bounds how often the model runs on one side of one call."""
    worst_share: Annotated[float, Field(gt=0, le=1)] = 1.0
    """text_classifier: what the worst window counts in the score's log-odds; the mean of all counts the rest."""
    order: Literal["context_first", "claim_first"] = "context_first"
    """pair_classifier: which text the model reads first."""

    @model_validator(mode="after")
    def _fits_its_kind(self) -> EvaluatorManifest:
        if faults := list(_faults(self)):
            raise ValueError("; ".join(faults))
        return self

    @property
    def has_whole_model(self) -> bool:
        """Whether it runs a model from tokens on, and not a head or no weights at all."""
        return self.encoder is None and "model.onnx" in self.files

    def is_fail(self, score: float) -> bool:
        """Return whether that score fails."""
        return score >= self.threshold if self.fails == "above" else score < self.threshold

    def read_options(self, kind: type[_Options]) -> _Options:
        """Return `options` as that model.

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
    """Return the manifest in the file; its weights are not read yet.

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
    """Yield what is wrong with keys that depend on each other."""
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
        else:  # from `_faults`, which says it all
            faults.append(str(fault["ctx"]["error"]))
    return "; ".join(faults)
