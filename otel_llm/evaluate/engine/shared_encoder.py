"""The encoder that evaluators share, loaded at its first use: without such evaluators it takes no memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

from otel_llm.evaluate.definition.manifest import EncoderManifest
from otel_llm.evaluate.engine.execution_providers import running_on

if TYPE_CHECKING:
    from otel_llm.evaluate.definition.encoding import Encoding
    from otel_llm.evaluate.engine.encoder import Encoder


class TextEncoder(Protocol):
    """An encoder of texts."""

    def encode(self, texts: Iterable[str]) -> dict[str, Encoding]:
        """Return the encoding of each distinct text."""

    def close(self) -> None:
        """Give up the texts whose encoding has not begun."""


class SharedEncoder:
    """Loads its encoder at the first text, or when `load` is called.

    States: not loaded, loaded; it is never unloaded. `load` and `encode` are called by one thread at a time; any
    thread may call `close`, which gives up the texts that no thread has begun, and loads nothing."""

    def __init__(self, manifest: EncoderManifest, *, threads: int, providers: Sequence[str]) -> None:
        self._manifest = manifest
        self._threads = threads
        self._providers = tuple(providers)
        self._encoder: Encoder | None = None

    def load(self) -> Encoder:
        """Return the encoder itself.

        Raises:
            ModelError: a file is missing, cannot be loaded, or gives states of another dimension.
            ChecksumError: a file is not the one on record.
            ConfigError: an execution provider cannot be used.
        """
        # numpy, tokenizers, ONNX Runtime and the weights: 90 MB
        from otel_llm.evaluate.engine.encoder import Encoder  # noqa: PLC0415 - only where it is needed

        if self._encoder is None:
            with running_on(self._providers):
                self._encoder = Encoder(self._manifest, threads=self._threads)
        return self._encoder

    def encode(self, texts: Iterable[str]) -> dict[str, Encoding]:
        """Return the encoding of each distinct text.

        Raises:
            CancelledError: the encoder was closed meanwhile.
            ModelError, ChecksumError, ConfigError: as `load`, if the encoder was not loaded before.
        """
        distinct = list(texts)
        return self.load().encode(distinct) if distinct else {}

    def close(self) -> None:
        """Give up the texts that no thread has begun."""
        if self._encoder:
            self._encoder.close()
