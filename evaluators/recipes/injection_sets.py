"""The measuring sets of prompt injection, as records by the title in its model card."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from recipes.injection_data import DOCUMENTS, Example, measuring
from recipes.record import DataSet, Record

_TITLES = {
    "neuralchemy": "neuralchemy: attacks of 30 kinds and benign prompts",
    "tensor_trust": "Tensor Trust hijacking attacks; benign: prompts to an LLM (HaluEval)",
    "bipia_planted": "BIPIA instructions of unseen kinds in unseen documents; benign: the documents",
    "written": "attacks and benign texts with words of attacks, written by hand for this",
    "llm_answers": "answers of an LLM (HaluEval), as input",
    "news": "news (AG News), as documents",
}


def sets(data: Path) -> Mapping[str, DataSet]:
    """Return the data sets; nothing was trained on their sources, or on others of their kind."""
    groups = measuring(data)
    groups["written"] = [*groups.pop("written_attacks"), *groups.pop("written_benign")]
    return {title: DataSet(name, [record(example) for example in groups[name]]) for name, title in _TITLES.items()}


def record(example: Example) -> Record:
    """Return the example as a user's text, or as a document beside a plain question."""
    if example.source.startswith(DOCUMENTS):
        return Record(input="What does the document say?", documents=(example.text,), positive=example.injection)
    return Record(input=example.text, positive=example.injection)
