"""What a family's loader gives back, whatever library the model comes from; and what those loaders share."""

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
"""A context and what is claimed of it."""

_UNBOUNDED: Final = 100_000  # above it, a tokenizer's model_max_length stands for "none"


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the user may say of any model."""

    base: str | None = None
    """Folder or name with configuration and tokenizer, where SOURCE alone does not hold them."""
    label: str | None = None
    """The label whose probability is the score."""
    max_tokens: int | None = None
    """Tokens in a window."""


@dataclass(frozen=True, kw_only=True)
class Original:
    """A model as its own library loads it, with what its folder's manifest says of it."""

    library: str
    """What loaded it."""
    network: Any
    """The torch module to export: `inputs`, each (batch, tokens), to logits."""
    inputs: tuple[str, ...]
    """The names of the network's inputs, in their order."""
    config: Any
    """The model's configuration, of transformers."""
    tokenizer: Tokenizer
    """Gives the same tokens as the library."""
    keys: Mapping[str, Any]
    """The manifest's keys that follow from the model."""
    predict: Callable[[Sequence[Any]], Numbers]
    """The library's own prediction: of n texts or pairs, (n, labels) probabilities, (n, dimension) embeddings, or
    of one pair (tokens, labels)."""


def served_tokenizer(tokenizer: Any) -> Tokenizer:
    """Return the tokenizer of a transformers tokenizer, without truncation and padding.

    Raises:
        ModelError: it is one in Python, which the service cannot run.
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
    """Return the tokens in a window: as the user says, else as many as the model takes.

    Raises:
        ModelError: the user asks for more.
    """
    positions = getattr(config, "max_position_embeddings", None) or _UNBOUNDED
    if config.model_type in ("roberta", "xlm-roberta", "camembert", "mpnet"):
        positions -= config.pad_token_id + 1  # their positions are counted from behind the padding's
    limit = min(positions, tokenizer.model_max_length)
    if options.max_tokens is None:
        return int(min(limit, default))
    if options.max_tokens > limit:
        raise ModelError(f"--max-tokens: must be at most what the model takes, {limit}, got {options.max_tokens}")
    return options.max_tokens


def labels_of(config: Any) -> list[str]:
    """Return the configuration's labels in the order of the model's outputs, in small letters."""
    return [str(config.id2label[number]).lower() for number in sorted(config.id2label, key=int)]


def chosen(labels: Sequence[str], options: Options, guess: Callable[[str], bool], example: str) -> str:
    """Return the label that the user names, else the one that `guess` holds for.

    Raises:
        ModelError: the model has no such label.
    """
    if options.label is not None and options.label not in labels:
        raise ModelError(f"--label: must be one of the model's, {', '.join(labels)}, got {options.label!r}")
    found = [label for label in labels if label == options.label or (options.label is None and guess(label))]
    if len(found) != 1:
        raise ModelError(
            f"the model's labels must tell which means {example}, got {', '.join(labels)}: use --label"
        )
    return found[0]
