"""A resumable cache of the encoder's output: heads are trained on exactly what they read when they serve."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from tqdm import tqdm

from otel_llm.evaluate.definition.encoding import Encoding, Window
from otel_llm.evaluate.definition.installed import encoder_manifest
from otel_llm.evaluate.definition.span import Span
from otel_llm.evaluate.engine.encoder import Encoder
from recipes.common import WORK

_CHUNK = 256


class States:
    """Encodings of texts, in three files that only grow: states (float16), offsets, and an index of texts."""

    def __init__(self, name: str, *, threads: int = 2) -> None:
        manifest = encoder_manifest("minilm_l6_v2")
        stem = f"{name}-{manifest.files['encoder.onnx'][:8]}"
        self._encoder = Encoder(manifest, threads=threads)
        self._dimension = manifest.dimension
        self._paths = [WORK / f"{stem}.{suffix}" for suffix in ("states", "offsets", "index")]
        self._index: dict[str, list[int]] = {}
        self._tokens = 0
        if self._paths[2].exists():
            self._read_index(self._paths[2])

    def add(self, texts: Iterable[str]) -> None:
        """Encode what is not there yet; interrupted, the next call goes on from there."""
        missing = sorted({text for text in texts if text not in self._index}, key=len)
        with tqdm(total=len(missing), unit="text", desc="encode") as progress:
            for start in range(0, len(missing), _CHUNK):
                chunk = missing[start : start + _CHUNK]
                self._append(self._encoder.encode(chunk))
                progress.update(len(chunk))
        self._states = np.memmap(self._paths[0], np.float16, "r").reshape(-1, self._dimension)
        self._offsets = np.fromfile(self._paths[1], np.int32).reshape(-1, 2).astype(np.int64)

    def __getitem__(self, text: str) -> Encoding:
        first, *lengths = self._index[text]
        windows = []
        for length in lengths:
            offsets = self._offsets[first : first + length]
            span = Span(int(offsets[0, 0]), int(offsets[-1, 1]))
            windows.append(Window(span, offsets, self._states[first : first + length].astype(np.float32)))
            first += length
        return Encoding(tuple(windows))

    def _append(self, encodings: dict[str, Encoding]) -> None:
        with (
            self._paths[0].open("ab") as states,
            self._paths[1].open("ab") as offsets,
            self._paths[2].open("a", encoding="utf-8") as index,
        ):
            for text, encoding in encodings.items():
                entry = [self._tokens, *(len(window.states) for window in encoding.windows)]
                for window in encoding.windows:
                    window.states.astype(np.float16).tofile(states)
                    window.offsets.astype(np.int32).tofile(offsets)
                self._tokens += sum(entry[1:])
                self._index[text] = entry
                index.write(json.dumps([text, entry]) + "\n")

    def _read_index(self, path: Path) -> None:
        for line in path.read_text(encoding="utf-8").splitlines():
            text, entry = json.loads(line)
            self._index[text] = entry
            self._tokens = max(self._tokens, entry[0] + sum(entry[1:]))
        # what was cut off in the middle of a chunk is written again
        for file, size in zip(self._paths, (self._dimension * 2, 8), strict=False):
            with file.open("r+b") as opened:
                opened.truncate(self._tokens * size)
