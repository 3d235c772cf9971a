"""Data sets that measure groundedness: dialogue, claims, summaries, inference.

Licences are in the data folder's manifest. AggreFact has none, RTE is for research, SICK, ANLI and ConTRoL are
non-commercial: they measure, and train nothing that is shipped.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from openpyxl import load_workbook

from recipes import groundedness_data
from recipes.data import Row, jsonl, table
from recipes.record import DataSet, Record

_SUMMARIES = {
    "scitldr": "scientific papers",
    "news": "news",
    "podcast": "podcasts",
    "sales_email": "sales e-mail",
    "qmsumm": "meetings",
    "samsum": "chats",
}


def sets(data: Path) -> dict[str, DataSet]:
    """Return the data sets by title; positive is not grounded."""
    known = {name: _answers(answers) for name, answers in groundedness_data.measuring(data).items()}
    return {
        "Support answers: lists, tables, citations, refusals": DataSet(
            "support_measuring",
            [
                _record("\n".join(each.documents), each.text, grounded=each.supported)
                for each in groundedness_data.support_answers("measuring")
            ],
        ),
        "BEGIN, Wizard of Wikipedia: answers about short knowledge": DataSet("begin_wow", known["begin_wow"]),
        "Goyal 2021, XSum: news in one sentence": DataSet("goyal", _goyal(data)),
        "AggreFact, XSum: news in one sentence, all with errors": DataSet("aggrefact", _aggrefact(data)),
        "FactCC: a sentence of news, all with errors": DataSet("factcc", _factcc(data)),
        **{
            f"SummEdits, {title}: LLM summaries with near-miss edits": DataSet(
                f"summedits_{name}", _edited(data, name)
            )
            for name, title in _SUMMARIES.items()
        },
        "FEVER-Symmetric: claims built against word overlap": DataSet("fever", known["fever_symmetric"]),
        "WiCE, dev: claims of Wikipedia against web pages": DataSet("wice", _wice(data)),
        "RTE": DataSet("rte", _pairs(jsonl(data / "rte.jsonl"), "entailment")),
        "SICK, test": DataSet("sick", _sick(data)),
        "ANLI, test: written to fool models": DataSet(
            "anli", _pairs(jsonl(data / "anli_test.jsonl"), "entailment")
        ),
        "ConTRoL: long contexts, several steps": DataSet("control", _control(data)),
    }


def _record(document: str, text: str, *, grounded: bool) -> Record:
    return Record(documents=(document,), output=text, positive=not grounded, group=document)


def _answers(answers: Iterable[groundedness_data.Answer]) -> list[Record]:
    return [_record("\n".join(each.documents), each.text, grounded=each.grounded) for each in answers]


def _goyal(data: Path) -> list[Record]:
    """Return XSum's summaries: one without an error type has none. CNN/DailyMail's in the file all have one."""
    return [
        _record(row["doc"], row["summ"], grounded=not row["error_type"])
        for row in table(data / "aggrefact_goyal21_error_types.csv")
        if row["origin"] == "xsum" and row["error_type"] != "['noise']"
    ]


def _aggrefact(data: Path) -> list[Record]:
    """Return the summaries whose document is there, each once.

    Each sheet is of one type of error, so none is consistent; three rows that are labelled 1 all the same are left
    out. Source of the label: 1 is consistent, https://github.com/Liyan06/AggreFact, README.
    """
    found: dict[tuple[str, str], Any] = {}
    for sheet in load_workbook(data / "aggrefact_unified_val.xlsx", read_only=True):
        header, *rows = sheet.iter_rows(values_only=True)
        for row in (dict(zip(header, values, strict=True)) for values in rows):
            if row.get("doc") and row["summ"]:
                found[row["doc"], row["summ"]] = row["label"]
    return [_record(*texts, grounded=False) for texts, label in found.items() if label == 0]


def _factcc(data: Path) -> list[Record]:
    """Return the claims whose error annotators looked for in explanations: all have one."""
    return [_record(row["doc"], row["summary"], grounded=False) for row in _json(data / "factcc_annotation.json")]


def _edited(data: Path, name: str) -> list[Record]:
    rows = _json(data / f"summedits_{name}.json")
    return [_record(row["doc"], row["summary"], grounded=row["label"] == 1) for row in rows]


def _wice(data: Path) -> list[Record]:
    rows = jsonl(data / "wice_claim_dev.jsonl")
    return [
        _record("\n".join(row["evidence"]), row["claim"], grounded=row["label"] == "supported") for row in rows
    ]


def _pairs(rows: Iterable[Row], entailment: str) -> list[Record]:
    return [_record(row["premise"], row["hypothesis"], grounded=row["label"] == entailment) for row in rows]


def _sick(data: Path) -> list[Record]:
    return [
        _record(row["sentence_A"], row["sentence_B"], grounded=row["entailment_judgment"] == "ENTAILMENT")
        for row in table(data / "sick_test_annotated.txt", "\t")
    ]


def _control(data: Path) -> list[Record]:
    return [record for part in ("dev", "test") for record in _pairs(jsonl(data / f"control_{part}.jsonl"), "e")]


def _json(path: Path) -> list[Row]:
    rows: list[Row] = json.loads(path.read_text(encoding="utf-8"))
    return rows
