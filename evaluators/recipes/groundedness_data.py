"""Answers with their context, labelled sentence by sentence: which data sets train, which only measure.

Trained on: SNLI (CC BY-SA 4.0), MultiNLI (OANC, CC BY, CC BY-SA), SciTail (Apache-2.0), Breaking NLI (CC BY-
SA 4.0), FoolMeTwice (Apache-2.0, CC BY-SA), WiCE (ODC-BY, CC BY-SA 4.0), SummEdits in five domains
(Apache-2.0), the FaithDial audit (MIT), and examples written by rule (`recipes.synthetic`). Never trained on:
BEGIN, FEVER-Symmetric, SummEdits of scientific papers.
"""

from __future__ import annotations

import io
import json
import random
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from otel_llm.evaluate.text import Span, sentences
from recipes.common import SEED
from recipes.data import Row, jsonl, table


class Answer(NamedTuple):
    text: str
    documents: tuple[str, ...]
    supported: tuple[tuple[Span, bool], ...]
    """The labelled sentences."""
    source: str

    @property
    def grounded(self) -> bool:
        return all(supported for _, supported in self.supported)


_SUMMARIES = ("news", "podcast", "sales_email", "qmsumm", "samsum")


def training(data: Path) -> list[Answer]:
    """Return what was published to train on, each answer once, nothing of the measuring sets in it."""
    held_out = {answer.text for group in measuring(data).values() for answer in group}
    sources = (_nli, _breaking_nli, _claims, _wice, _edited_summaries, _dialogue)
    answers = [answer for source in sources for answer in source(data)]
    return list(
        {answer[:2]: answer for answer in answers if answer.supported and answer.text not in held_out}.values()
    )


def measuring(data: Path) -> dict[str, list[Answer]]:
    """Return data sets that nothing was trained on."""
    return {
        **{f"begin_{name}": _begin(data / f"begin_dev_{name}.tsv") for name in ("wow", "cmu", "tc")},
        "fever_symmetric": [
            _whole(row["claim"], [row["evidence"]], row["label"] == "SUPPORTS", "fever_symmetric")
            for row in jsonl(data / "fever_symmetric_v0.2_dev.jsonl")
        ],
        "summedits_scitldr": [
            _whole(row["summary"], [row["doc"]], row["label"] == 1, "summedits_scitldr")
            for row in _json(data / "summedits_scitldr.json")
        ],
    }


def _whole(text: str, documents: list[str], supported: bool, source: str) -> Answer:
    """Label all sentences alike: of an unsupported answer of several, it is not known which; see `grounded`."""
    labels = tuple((span, supported) for span in sentences(text))
    return Answer(text, tuple(documents), labels, source)


def _nli(data: Path) -> Iterator[Answer]:
    for name, count in (("snli_dev", 2400), ("mnli_dev", 4200), ("scitail_test", 2126)):
        for row in _sample(jsonl(data / f"{name}.jsonl"), count):
            if len(sentences(row["hypothesis"])) == 1:
                yield _whole(row["hypothesis"].strip(), [row["premise"]], row["label"] == "entailment", name)


def _breaking_nli(data: Path) -> Iterator[Answer]:
    with zipfile.ZipFile(data / "breaking_nli_dataset.zip") as archive:
        name = next(name for name in archive.namelist() if name.endswith(".jsonl") and "__MACOSX" not in name)
        rows = [json.loads(line) for line in io.TextIOWrapper(archive.open(name), "utf-8")]
    for row in _sample(rows, 900):
        yield _whole(row["sentence2"], [row["sentence1"]], row["gold_label"] == "entailment", "breaking_nli")


def _claims(data: Path) -> Iterator[Answer]:
    for row in jsonl(data / "fm2_dev.jsonl") + jsonl(data / "fm2_test.jsonl"):
        evidence = [piece["text"] for piece in row["gold_evidence"]]
        claim = row.get("text") or row["claim"]
        if len(sentences(claim)) == 1:
            yield _whole(claim, [" ".join(evidence)], row["label"] == "SUPPORTS", "fm2")


def _wice(data: Path) -> Iterator[Answer]:
    for row in jsonl(data / "wice_claim_dev.jsonl") + jsonl(data / "wice_tokens_train.jsonl"):
        # whole pages cost most of the encoding time and add little
        if len(sentences(row["claim"])) == 1 and len(row["evidence"]) <= 60:
            yield _whole(row["claim"], ["\n".join(row["evidence"])], row["label"] == "supported", "wice")


def _edited_summaries(data: Path) -> Iterator[Answer]:
    for name in _SUMMARIES:
        for row in _json(data / f"summedits_{name}.json"):
            original = row.get("original_summary") or row["summary"]
            kept = {original[start:end] for start, end in sentences(original)}
            text = row["summary"]
            # an edit that made the summary inconsistent is in the sentences that the original does not have
            labels = [(span, row["label"] == 1 or text[slice(*span)] in kept) for span in sentences(text)]
            yield Answer(text, (row["doc"],), tuple(labels), f"summedits_{name}")


def _dialogue(data: Path) -> Iterator[Answer]:
    for path in sorted(data.glob("faithdial_audit_*.csv")):
        model = path.stem.split("_")[2]
        for row in table(path):
            label = (row.get("begin_label") or row.get("BEGIN") or "").lower()
            text = (row.get("response") or row.get(model) or "").strip()
            knowledge = row.get("knowledge") or row.get("evidence")
            if not label or not text or not knowledge or label == "uncooperative":
                continue
            # a generic answer claims nothing, so nothing in it is unsupported
            supported = "hallucinat" not in label
            spans = sentences(text)
            if supported or len(spans) == 1:
                yield _whole(text, [knowledge], supported, "faithdial")


def _begin(path: Path) -> list[Answer]:
    return [
        _whole(row["response"], [row["knowledge"]], row["begin_label"] != "Not fully attributable", path.stem)
        for row in table(path, "\t")
        if row["response"].strip() and row["begin_label"] != "Generic"
    ]


def _json(path: Path) -> list[Row]:
    rows: list[Row] = json.loads(path.read_text(encoding="utf-8"))
    return rows


def _sample(rows: list[Row], count: int) -> list[Row]:
    return random.Random(SEED).sample(rows, min(count, len(rows)))
