"""Scores of an evaluator as it is served, kept on disk: no record is scored twice.

The file is named by weights, manifest and code; so a changed one scores everything anew.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TypeAlias, TypeVar

from tqdm import tqdm

from otel_llm.evaluate.definition.encoding import Encoding
from otel_llm.evaluate.definition.evaluator import Evaluator
from otel_llm.evaluate.definition.installed import encoder_manifest, evaluator_manifests
from otel_llm.evaluate.definition.manifest import EncoderManifest, EvaluatorManifest
from otel_llm.evaluate.engine.encoder import Encoder
from otel_llm.evaluate.kinds.loading import load_evaluator
from recipes.common import WORK, sha256
from recipes.record import Record

_CHUNK = 16
_CODE = ("otel_llm.evaluate", "otel_llm_evaluators")

Scores = Mapping[str, float | None]
"""The probability that a record should fail, by its key; None where the evaluator does not apply."""
_Folder: TypeAlias = EncoderManifest | EvaluatorManifest
_Manifest = TypeVar("_Manifest", EncoderManifest, EvaluatorManifest)


@dataclass(frozen=True, slots=True)
class Served:
    """An evaluator and the encoder that it reads, if it reads one."""

    evaluator: Evaluator
    encoder: Encoder | None

    @property
    def digest(self) -> str:
        """Digest of what the scores depend on: weights, manifest and code, not the threshold."""
        manifests = [self.evaluator.manifest.model_dump_json(exclude={"folder", "threshold", "version"})]
        if self.encoder:
            manifests.append(self.encoder.manifest.model_dump_json(exclude={"folder", "version"}))
        sources = _sources(sys.modules[type(self.evaluator).__module__], {})
        if self.encoder:
            _sources(sys.modules[Encoder.__module__], sources)
        parts = [*manifests, *(sources[name] for name in sorted(sources))]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]

    def scores(self, records: Sequence[Record]) -> list[float | None]:
        """Return the probability that each record should fail."""
        calls = [record.call() for record in records]
        texts = [text for call in calls for text in self.evaluator.texts(call)]
        encodings: Mapping[str, Encoding] = self.encoder.encode(texts) if self.encoder else {}
        found: list[float | None] = []
        for record, call in zip(records, calls, strict=True):
            results = self.evaluator.evaluate(call, encodings)
            score = next(result.score for result in results if result.target == record.target)
            below = self.evaluator.manifest.fails == "below"
            found.append(None if score is None else 1 - score if below else score)
        return found


@cache
def served(name: str, *, as_float: bool = False) -> Served:
    """Return the installed evaluator of the name, with its float weights if `as_float`."""
    manifest = next(each for each in evaluator_manifests() if each.name == name)
    encoder = None if manifest.encoder is None else encoder_manifest(manifest.encoder)
    if as_float:
        manifest, encoder = _with_float_weights(manifest), encoder and _with_float_weights(encoder)
    return Served(load_evaluator(manifest), encoder and Encoder(encoder))


def has_float_weights(name: str) -> bool:
    """Return whether a recipe left float weights of the evaluator, or of the encoder that it reads."""
    evaluator, encoder = served(name).evaluator, served(name).encoder
    return any(_float_weights(each.manifest) for each in (evaluator, encoder) if each)


def score(name: str, records: Sequence[Record], *, as_float: bool = False, processes: int = 1) -> Scores:
    """Return the records' scores by `key`: read from disk, or computed and added to the file."""
    what = f"{name}{'-float' if as_float else ''}"
    path = WORK / f"scores-{what}-{served(name, as_float=as_float).digest}.jsonl"
    known = dict(json.loads(line) for line in path.read_text("utf-8").splitlines()) if path.exists() else {}
    missing = list({key(record): record for record in records if key(record) not in known}.values())
    missing.sort(key=lambda record: record.group)  # records of one document together, which is then encoded once
    chunks = [missing[start : start + _CHUNK] for start in range(0, len(missing), _CHUNK)]
    with (
        path.open("a", encoding="utf-8", buffering=1) as file,
        tqdm(total=len(missing), unit="record", desc=what) as progress,
        _scored(name, chunks, as_float, processes) as results,
    ):
        for chunk, found in zip(chunks, results, strict=True):
            known |= zip(map(key, chunk), found, strict=True)
            # in one write, so that an interruption leaves no half line
            file.write("".join(f"{json.dumps([key(record), known[key(record)]])}\n" for record in chunk))
            progress.update(len(chunk))
    return known


def key(record: Record) -> str:
    """Return a digest that identifies the record."""
    parts = [record.input, record.output, *record.documents]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


@contextmanager
def _scored(
    name: str, chunks: Sequence[Sequence[Record]], as_float: bool, processes: int
) -> Iterator[Iterator[list[float | None]]]:
    jobs = [(name, chunk, as_float) for chunk in chunks]
    if processes == 1:
        yield map(_score, jobs)
        return
    with ProcessPoolExecutor(processes) as pool:
        try:
            yield pool.map(_score, jobs)
        finally:
            pool.shutdown(cancel_futures=True)


def _score(job: tuple[str, Sequence[Record], bool]) -> list[float | None]:
    name, records, as_float = job
    return served(name, as_float=as_float).scores(records)


def _float_weights(manifest: _Folder) -> dict[str, Path]:
    """Return the float weights that a recipe left in `work/`, by the int8 file that they replace.

    Of the evaluator NAME's `model.onnx` it is `NAME-float.onnx`, of any other `X.onnx` it is `NAME-X-float.onnx`.
    """
    stems = {file: file.removesuffix(".onnx") for file in manifest.files if file.endswith(".onnx")}
    paths = {
        file: WORK / f"{manifest.name}{'' if stem == 'model' else f'-{stem}'}-float.onnx"
        for file, stem in stems.items()
    }
    return {file: path for file, path in paths.items() if path.exists()}


def _with_float_weights(manifest: _Manifest) -> _Manifest:
    """Return the manifest of a copy of the folder with the float weights; the same manifest without any."""
    if not (weights := _float_weights(manifest)):
        return manifest
    folder = WORK / f"{manifest.name}-as-float"
    folder.mkdir(exist_ok=True)
    for file in manifest.files:
        link = folder / file
        link.unlink(missing_ok=True)
        link.symlink_to(weights.get(file, manifest.folder / file))
    sums = {file: sha256(path) for file, path in weights.items()}
    return manifest.model_copy(update={"folder": folder, "files": {**manifest.files, **sums}})


def _sources(module: ModuleType, found: dict[str, str]) -> dict[str, str]:
    """Return the source of the module and of the project's modules that its names come from, by module name."""
    found[module.__name__] = Path(module.__file__ or "").read_text(encoding="utf-8")
    for value in list(vars(module).values()):
        name = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
        if isinstance(name, str) and name.startswith(_CODE) and name not in found:
            _sources(sys.modules[name], found)
    return found
