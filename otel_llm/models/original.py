"""A model as its library loads it, and functions that the loaders share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from otel_llm.errors import ModelError

Numbers: TypeAlias = NDArray[np.float64]
Pair: TypeAlias = tuple[str, str]
"""A context and a claim."""

_UNBOUNDED: Final = 100_000  # a larger model_max_length of a tokenizer means "no limit"


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of the user for any model."""

    base: str | None = None
    """Folder or name of the configuration and tokenizer, if SOURCE has none."""
    label: str | None = None
    """Label whose probability is the score."""
    max_tokens: int | None = None
    """Tokens in a window."""


@dataclass(frozen=True, kw_only=True)
class Original:
    """A model as its library loads it, with the keys of its manifest."""

    library: str
    """Name and version of the library that loaded the model."""
    network: Any
    """Torch module to export, from `inputs`, each (batch, tokens), to logits."""
    inputs: tuple[str, ...]
    """Names of the network's inputs, in their order."""
    config: Any
    """Model's configuration, of transformers."""
    tokenizer: Tokenizer
    """Tokenizer with the same tokens as the library's."""
    keys: Mapping[str, Any]
    """Keys of the manifest that follow from the model."""
    predict: Callable[[Sequence[Any]], Numbers]
    """Library's own prediction for n texts or pairs: (n, labels) probabilities or (n, dimension) embeddings; for
    one pair (tokens, labels)."""


def served_tokenizer(tokenizer: Any) -> Tokenizer:
    """Return the tokenizer of a transformers tokenizer, without truncation and padding.

    Raises:
        ModelError: the tokenizer is written in Python, which the service cannot run.
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise ModelError(
            f"the tokenizer must be one of the tokenizers library, got {type(tokenizer).__name__}: "
            "save the model with a fast tokenizer"
        )
    served = Tokenizer.from_str(backend.to_str())
    served.no_truncation()
    served.no_padding()
    return served


def window(tokenizer: Any, config: Any, options: Options, *, default: int = 512) -> int:
    """Return the number of tokens in a window: the user's, else the model's largest.

    Raises:
        ModelError: the user's number is larger than the model's.
    """
    positions = getattr(config, "max_position_embeddings", None) or _UNBOUNDED
    if config.model_type in ("roberta", "xlm-roberta", "camembert", "mpnet"):
        positions -= (
            config.pad_token_id + 1
        )  # positions of these models are counted from after the padding's index
    limit = min(positions, tokenizer.model_max_length)
    if options.max_tokens is None:
        return int(min(limit, default))
    if options.max_tokens > limit:
        raise ModelError(f"--max-tokens: must be at most what the model takes, {limit}, got {options.max_tokens}")
    return options.max_tokens


def labels_of(config: Any) -> list[str]:
    """Return the configuration's labels in lower case, in the order of the model's outputs."""
    return [str(config.id2label[number]).lower() for number in sorted(config.id2label, key=int)]


def chosen(labels: Sequence[str], options: Options, guess: Callable[[str], bool], example: str) -> str:
    """Return the label that the user names, else the label for which `guess` is true.

    Raises:
        ModelError: no label fits.
    """
    if options.label is not None and options.label not in labels:
        raise ModelError(f"--label: must be one of the model's, {', '.join(labels)}, got {options.label!r}")
    found = [label for label in labels if label == options.label or (options.label is None and guess(label))]
    if len(found) != 1:
        raise ModelError(
            f"the model's labels must tell which means {example}, got {', '.join(labels)}: use --label"
        )
    return found[0]
