"""Claims with their documents, labelled sentence by sentence: which data sets train, which only measure.

Trained on: SNLI (CC BY-SA 4.0), MultiNLI (OANC, CC BY, CC BY-SA), SciTail (Apache-2.0), Breaking NLI (CC BY-SA
4.0), FoolMeTwice (Apache-2.0, CC BY-SA), WiCE (ODC-BY, CC BY-SA 4.0), SummEdits in five domains (Apache-2.0),
the FaithDial audit (MIT), BEGIN's CMU-DoG and TopicalChat, which share their knowledge texts with it (CC BY,
CDLA), and claims written by rule (`recipes.synthetic`). Never trained on: BEGIN's Wizard of Wikipedia,
FEVER-Symmetric, SummEdits of scientific papers.
"""

from __future__ import annotations

import difflib
import io
import json
import random
import re
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from otel_llm.evaluate.definition.span import Span
from otel_llm.evaluate.engine.sentences import sentences
from recipes.common import SEED
from recipes.data import Row, jsonl, table


class Claim(NamedTuple):
    """A sentence of an answer, and whether the documents support it."""

    text: str
    documents: tuple[str, ...]
    supported: bool
    source: str
    wrong: tuple[Span, ...] | None = None
    """Words of the claim that are not supported; None means not annotated."""
    right: str | None = None
    """The supported sentence that it was made from, if it was."""


class Answer(NamedTuple):
    """A whole answer, as it is measured."""

    text: str
    documents: tuple[str, ...]
    grounded: bool


_WORD = re.compile(r"\w+|[^\w\s]")
_SUMMARIES = ("news", "podcast", "sales_email", "qmsumm", "samsum")


def training(data: Path) -> list[Claim]:
    """Return the published training data, each claim once, without the measuring sets."""
    held_out = {answer.text for group in measuring(data).values() for answer in group}
    sources = (_nli, _breaking_nli, _claims, _wice, _edited_summaries, _dialogue, _begin_claims)
    claims = [claim for source in sources for claim in source(data) if claim.text not in held_out]
    return list({claim[:3]: claim for claim in claims}.values())


def measuring(data: Path) -> dict[str, list[Answer]]:
    """Return data sets that nothing was trained on."""
    return {
        "begin_wow": [
            Answer(row["response"], (row["knowledge"],), row["begin_label"] == "Fully attributable")
            for row in _begin(data, "wow")
            if row["begin_label"] != "Generic"
        ],
        "fever_symmetric": [
            Answer(row["claim"], (row["evidence"],), row["label"] == "SUPPORTS")
            for row in jsonl(data / "fever_symmetric_v0.2_dev.jsonl")
        ],
        "summedits_scitldr": [
            Answer(row["summary"], (row["doc"],), row["label"] == 1)
            for row in _json(data / "summedits_scitldr.json")
        ],
    }


def support_answers(part: str) -> Iterator[Claim]:
    """Yield the answers of a support assistant in `support_answers.toml`, of one of its parts."""
    for case in tomllib.loads((Path(__file__).parent / "support_answers.toml").read_text("utf-8"))["case"]:
        if case["part"] == part:
            for key in ("right", "wrong"):
                for text in case[key]:
                    yield Claim(text, tuple(case["documents"]), key == "right", "support")


def changed_words(text: str, original: str) -> tuple[Span, ...]:
    """Return the spans where the text has other words than the original, or lacks words."""
    mine, theirs = list(_WORD.finditer(text)), [match.group() for match in _WORD.finditer(original)]
    matcher = difflib.SequenceMatcher(None, [match.group() for match in mine], theirs, autojunk=False)
    return tuple(
        Span(mine[first].start(), mine[last - 1].end())
        for tag, first, last, _, _ in matcher.get_opcodes()
        if tag != "equal" and last > first
    )


def spoiled_claim(text: str, right: str, documents: tuple[str, ...], source: str) -> Claim:
    """Return a claim that is no longer supported, after a change."""
    return Claim(
        text, documents, supported=False, source=source, wrong=changed_words(text, right) or None, right=right
    )


def _nli(data: Path) -> Iterator[Claim]:
    for name in ("snli_dev", "mnli_dev", "scitail_test"):
        for row in jsonl(data / f"{name}.jsonl"):
            if len(sentences(row["hypothesis"])) == 1:
                yield Claim(row["hypothesis"].strip(), (row["premise"],), row["label"] == "entailment", name)


def _breaking_nli(data: Path) -> Iterator[Claim]:
    with zipfile.ZipFile(data / "breaking_nli_dataset.zip") as archive:
        name = next(name for name in archive.namelist() if name.endswith(".jsonl") and "__MACOSX" not in name)
        rows = [json.loads(line) for line in io.TextIOWrapper(archive.open(name), "utf-8")]
    supported = [row for row in rows if row["gold_label"] == "entailment"]
    others = _sample([row for row in rows if row["gold_label"] != "entailment"], 2 * len(supported))
    for row in supported + others:
        wrong = row["gold_label"] != "entailment"
        yield Claim(
            row["sentence2"], (row["sentence1"],), not wrong, "breaking_nli",
            changed_words(row["sentence2"], row["sentence1"]) or None if wrong else None,
            row["sentence1"] if wrong else None,
        )  # fmt: skip


def _claims(data: Path) -> Iterator[Claim]:
    for row in jsonl(data / "fm2_dev.jsonl") + jsonl(data / "fm2_test.jsonl"):
        evidence = " ".join(piece["text"] for piece in row["gold_evidence"])
        claim = row.get("text") or row["claim"]
        if len(sentences(claim)) == 1:
            yield Claim(claim, (evidence,), row["label"] == "SUPPORTS", "fm2")
            if row["label"] == "SUPPORTS":  # and among what was retrieved with it
                around = [piece["text"] for piece in row["retrieved_evidence"][:6]]
                yield Claim(
                    claim, ("\n".join([*around[:3], evidence, *around[3:]]),), supported=True, source="fm2_long"
                )


def _wice(data: Path) -> Iterator[Claim]:
    for row in jsonl(data / "wice_claim_dev.jsonl") + jsonl(data / "wice_tokens_train.jsonl"):
        if len(sentences(row["claim"])) == 1:
            wrong = _marked(row) if "claim_tokens" in row else None
            yield Claim(
                row["claim"], ("\n".join(row["evidence"]),), row["label"] == "supported", "wice", wrong or None
            )


def _marked(row: Row) -> tuple[Span, ...]:
    """Return the words without support, by annotators."""
    spans, position = [], 0
    for token, wrong in zip(row["claim_tokens"], row["non_supported_spans"], strict=True):
        start = row["claim"].find(token, position)
        if start < 0:
            return ()
        position = start + len(token)
        if wrong:
            spans.append(Span(start, position))
    return tuple(spans)


def _edited_summaries(data: Path) -> Iterator[Claim]:
    """Yield the sentences of summaries, and those that an LLM changed, with what they were."""
    for name in _SUMMARIES:
        for row in _json(data / f"summedits_{name}.json"):
            documents, source = (row["doc"],), f"summedits_{name}"
            originals = _split(row.get("original_summary") or row["summary"])
            for text in _split(row["summary"]):
                if text in originals or row["label"] == 1:
                    yield Claim(text, documents, supported=True, source=source)
                elif near := difflib.get_close_matches(text, originals, n=1, cutoff=0.3):
                    yield spoiled_claim(text, near[0], documents, source)
            for text in originals:
                yield Claim(text, documents, supported=True, source=source)


def _dialogue(data: Path) -> Iterator[Claim]:
    for path in sorted(data.glob("faithdial_audit_*.csv")):
        model = path.stem.split("_")[2]
        for row in table(path):
            label = (row.get("begin_label") or row.get("BEGIN") or "").lower()
            text = (row.get("response") or row.get(model) or "").strip()
            knowledge = row.get("knowledge") or row.get("evidence")
            if label and text and knowledge and label != "uncooperative":
                # a generic answer claims nothing, so nothing in it is unsupported
                yield from _labelled(text, knowledge, "hallucinat" not in label, "faithdial")


def _begin_claims(data: Path) -> Iterator[Claim]:
    for name in ("cmu", "tc"):
        for row in _begin(data, name):
            supported = row["begin_label"] != "Not fully attributable"
            yield from _labelled(row["response"].strip(), row["knowledge"], supported, "begin")


def _labelled(text: str, document: str, supported: bool, source: str) -> Iterator[Claim]:
    """Yield the sentences of an answer, as far as its label says of which they are."""
    said = _split(text)
    if supported or len(said) == 1:
        for sentence in said:
            yield Claim(sentence, (document,), supported, source)


def _begin(data: Path, name: str) -> list[Row]:
    return [row for row in table(data / f"begin_dev_{name}.tsv", "\t") if row["response"].strip()]


def _split(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)]


def _json(path: Path) -> list[Row]:
    rows: list[Row] = json.loads(path.read_text(encoding="utf-8"))
    return rows


def _sample(rows: list[Row], count: int) -> list[Row]:
    return random.Random(SEED).sample(rows, min(count, len(rows)))
