"""The model card of an exported folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version

from otel_llm.models.folder import licence_found
from otel_llm.models.graph import is_fused
from otel_llm.models.original import Original
from otel_llm.models.original_results import OriginalResult
from otel_llm.models.parity import Parity

_CARD = """\
# {name}, version {version}

Exported by `otel-llm models export`, not trained here.

| | |
|---|---|
| source | `{source}` |
| loaded by | {library} ({versions}) |
| architecture | {architecture}, {fused} |
| precision | {precision} |
| size | {size} |

## Licence

{licence} Whether and how it may be used is yours to check.

## Parity

The folder, run as the service runs it, against the original in torch, on {texts}:

- {parity}{scores}

This says how near the export is to its original, and nothing of how good that is: measure it on labelled texts of
your own.
"""
_PACKAGES = ("detoxify", "sentence-transformers", "transformers", "torch", "onnxruntime")


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Facts of the card that neither the original nor the manifest has."""

    name: str
    version: str
    source: str
    precision: str
    size: str
    texts: str
    """Texts that the export and its original were compared on, in words."""


def card(facts: Facts, original: Original, parity: Parity, found: Sequence[OriginalResult]) -> str:
    """Return the card's text."""
    return _CARD.format(
        name=facts.name,
        version=facts.version,
        source=facts.source,
        library=original.library,
        versions=", ".join(f"{package} {version(package)}" for package in _PACKAGES),
        architecture=original.config.model_type,
        fused="fused" if is_fused(original.config) else "not fused: ONNX Runtime's optimizer does not know it",
        precision=facts.precision,
        size=facts.size,
        licence=licence_found(facts.source),
        texts=facts.texts,
        parity=parity,
        scores="".join(f"\n- {line}" for line in describe(found)),
    )


def describe(found: Sequence[OriginalResult]) -> list[str]:
    """Return a line on whole calls: the difference of scores, and the number of labels that could change."""
    if not found:
        return []
    turned = sum(each.difference >= each.margin for each in found)
    return [
        f"scores of {len(found)} whole calls: difference at most {max(each.difference for each in found):.2g}; "
        f"{turned} lie nearer to the threshold than their difference"
    ]
