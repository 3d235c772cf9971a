"""Evaluator and encoder folders: their manifests, read and checked."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from otel_llm.errors import ChecksumError, ModelError
from otel_llm.evaluate.result import Target

_GROUP: Final = "otel_llm.evaluators"
_Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class _Folder(BaseModel):
    """What the manifests of encoders and evaluators share."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: Path
    """Where the manifest lies; not in the file."""
    name: _Name
    """What it is called, in settings, results and metrics."""
    version: str
    """Changed with every change of weights, threshold or windowing: part of each result's id."""
    files: dict[str, _Sha256]
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
    max_tokens: Annotated[int, Field(gt=2)]
    """Tokens in a window, the two special ones included; a longer text is encoded in several windows."""
    max_windows: Annotated[int, Field(ge=2)]
    """Windows encoded of one text; of a longer one the first half and the last half of that number."""


class Windowing(BaseModel):
    """How groundedness divides an answer and its documents, and the bounds of its work for one call."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_characters: Annotated[int, Field(gt=0)]
    """Characters read of the answer, and of the documents together; what comes after them is not seen."""
    passage_sentences: Annotated[int, Field(gt=0)]
    """Sentences in a passage of a document."""
    passage_characters: Annotated[int, Field(gt=0)]
    """Characters in a passage; a longer sentence is a passage of its own."""
    max_passages: Annotated[int, Field(gt=0)]
    """Passages encoded for one call: those that share the most words with the answer."""
    passages_per_sentence: Annotated[int, Field(gt=0)]
    """Passages that one sentence of the answer is compared with: the nearest by words and meaning."""
    max_sentences: Annotated[int, Field(gt=0)]
    """Sentences of the answer that are scored; of a longer answer the first ones."""


class EvaluatorManifest(_Folder):
    """`evaluator.toml`: one evaluator."""

    kind: Literal["text_classifier", "groundedness"]
    """Which code runs it."""
    targets: Annotated[tuple[Target, ...], Field(min_length=1)]
    """The sides of a call that it scores."""
    encoder: _Name
    """The encoder whose output `model.onnx` reads."""
    scores: str
    """What the score is the probability of, in a word or two."""
    threshold: Annotated[float, Field(ge=0, le=1)]
    """text_classifier fails at and above it; groundedness fails below it."""
    windowing: Windowing | None = None
    """Of groundedness alone."""


_Manifest = TypeVar("_Manifest", bound=_Folder)


def evaluator_manifests() -> Iterator[EvaluatorManifest]:
    """Yield the manifest of each evaluator folder of each installed distribution, by folder name.

    Raises:
        ModelError: a manifest is not as it should be.
    """
    for root in _roots():
        for path in sorted(root.glob("*/evaluator.toml")):
            yield read_manifest(path, EvaluatorManifest)


def encoder_manifest(name: str) -> EncoderManifest:
    """Return the manifest of the installed encoder of that name.

    Raises:
        ModelError: there is none, or it is not as it should be.
    """
    for root in _roots():
        path = root / name / "encoder.toml"
        if path.is_file():
            return read_manifest(path, EncoderManifest)
    raise ModelError(f"encoder {name!r} is in no installed distribution: pip install 'otel-llm[collector]'")


def read_manifest(path: Path, kind: type[_Manifest]) -> _Manifest:
    """Return the manifest in the file; its weights are not read yet.

    Raises:
        ModelError: it is not TOML, or a key is missing, unknown or wrong.
    """
    try:
        return kind.model_validate({"folder": path.parent, **tomllib.loads(path.read_text(encoding="utf-8"))})
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ModelError(f"{path}: must be a TOML file: {error}") from error
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, e['loc']))}: {e['msg']}, got {e['input']!r}" for e in error.errors()
        )
        raise ModelError(f"{path}: {faults}") from error


def _roots() -> Iterator[Path]:
    for entry in sorted(entry_points(group=_GROUP), key=lambda entry: entry.value):
        # the package is found, not imported: a folder of weights needs no code of its own
        spec = find_spec(entry.value)
        if spec is None or not spec.submodule_search_locations:
            raise ModelError(f"entry point {entry.name} of {_GROUP}: must name a package, got {entry.value}")
        yield from map(Path, spec.submodule_search_locations)
