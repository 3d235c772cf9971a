"""Sets of choices that agree, or do not: by rule, and from what people wrote. Which of them train: DATA.md."""

from __future__ import annotations

import json
import random
import re
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from otel_llm.evaluate.engine.sentences import sentences
from recipes.common import SEED
from recipes.data import jsonl, table
from recipes.synthetic import change, facts, reordered


class Choices(NamedTuple):
    """Several answers to one request."""

    texts: tuple[str, ...]
    agree: bool
    source: str
    group: str
    """Name of what sets share, such as their document."""


class Pair(NamedTuple):
    """One sentence beside another answer."""

    sentence: str
    other: str
    support: float
    """1 where the other says the same, 0 where it says otherwise, 0.5 where it says nothing of it."""


SUPPORT: Final = {"entailment": 1.0, "neutral": 0.5, "contradiction": 0.0}
SUMMARIES: Final = ("news", "podcast", "sales_email", "qmsumm", "samsum", "scitldr")
_ANSWERS: Final = 1_200
_OTHER_WORDS: Final = tuple(
    tuple(pair.split("/"))
    for pair in (
        "do not/don't", "is not/isn't", "are not/aren't", "cannot/can't", "it is/it's", "large/big", "begin/start",
        "help/assist", "use/employ", "show/demonstrate", "important/crucial", "many/numerous", "such as/like",
        "for example/for instance", "two/2", "three/3", "four/4", "five/5", "10/ten", "people/persons",
        "quickly/rapidly", "buy/purchase", "need/require", "about/approximately", "usually/typically",
    )
)  # fmt: skip


def pairs(data: Path) -> list[Pair]:
    """Return the training data: sentences of LLM answers, changed by rule or not, and NLI."""
    found = [*_spoken(_answers(data)[: _ANSWERS // 2]), *_nli(data, training=True), *_swapped(data)]
    return [pair for pair in found if len(sentences(pair.sentence)) == 1 and sentences(pair.other)]


def developing(data: Path) -> dict[str, list[Choices]]:
    """Return the sets that fix the threshold."""
    answers = _answers(data)[_ANSWERS // 2 : _ANSWERS * 3 // 4]
    nli = [
        Choices((pair.sentence, pair.other), pair.support == 1, "nli", str(number))
        for number, pair in enumerate(_nli(data, training=False))
        if pair.support != SUPPORT["neutral"]
    ]
    return {"answers": list(_sets(answers, "answers")), "nli": nli}


def measuring(data: Path) -> dict[str, list[Choices]]:
    """Return sets that nothing was trained on; for the first, no answer of it."""
    return {
        "answers": list(_sets(_answers(data)[_ANSWERS * 3 // 4 :], "answers")),
        "facts": [
            Choices((answer.text, *answer.documents), answer.supported, "facts", str(number))
            for number, answer in enumerate(facts(500))
        ],
        **{f"summedits_{name}": _summaries(data / f"summedits_{name}.json") for name in SUMMARIES},
        "sick": _sick(data / "sick_test_annotated.txt"),
    }


def _answers(data: Path) -> list[str]:
    rows = jsonl(data / "halueval_general_data.json")
    texts = dict.fromkeys(row["chatgpt_response"] for row in rows if row["hallucination"] == "no")
    fitting = [text for text in texts if 2 <= len(sentences(text)) <= 8 and len(text) <= 1_500]
    return random.Random(SEED).sample(fitting, _ANSWERS)


def _spoken(answers: Sequence[str]) -> Iterator[Pair]:
    choose = random.Random(SEED)
    for text, away in zip(answers, [*answers[1:], answers[0]], strict=True):
        said = _split(text)
        sentence = choose.choice(said)
        yield Pair(reworded(sentence, choose), text, 1.0)
        if changed := change(choose.choice(said), text, away, choose):
            yield Pair(changed, text, 0.0)
        yield Pair(choose.choice(_split(away)), text, 0.5)


def _sets(answers: Sequence[str], source: str) -> Iterator[Choices]:
    """Yield of each answer three choices that agree, and three of which one says something else in one place."""
    choose = random.Random(SEED)
    for number, (text, away) in enumerate(zip(answers, [*answers[1:], answers[0]], strict=True)):
        agreeing = [text, *(_retold(text, choose) for _ in range(2))]
        yield Choices(tuple(choose.sample(agreeing, 3)), True, source, str(number))
        said = _split(_retold(text, choose))
        place = choose.randrange(len(said))
        if changed := change(said[place], text, away, choose):
            spoiled = " ".join([*said[:place], changed, *said[place + 1 :]])
            yield Choices(
                tuple(choose.sample([text, _retold(text, choose), spoiled], 3)), False, source, str(number)
            )


def _retold(text: str, choose: random.Random) -> str:
    """Return the same in another order and other words, at times shorter."""
    said = [reworded(sentence, choose) for sentence in _split(text)]
    if len(said) > 2 and choose.random() < 0.3:
        said.pop(choose.randrange(len(said)))
    if choose.random() < 0.5:
        choose.shuffle(said)
    return " ".join(said)


def reworded(sentence: str, choose: random.Random) -> str:
    """Return the sentence with some words exchanged for others that mean the same."""
    for pair in _OTHER_WORDS:
        old, new = choose.sample(pair, 2)
        if choose.random() < 0.7:
            sentence = re.sub(rf"\b{re.escape(old)}\b", new, sentence)
    return reordered(sentence, choose)


def _nli(data: Path, *, training: bool) -> Iterator[Pair]:
    for name in ("snli_dev", "mnli_dev"):
        rows = random.Random(SEED).sample(jsonl(data / f"{name}.jsonl"), 2_000)
        for row in rows[:1_600] if training else rows[1_600:]:
            yield Pair(row["hypothesis"], row["premise"], SUPPORT[row["label"]])


def _swapped(data: Path) -> Iterator[Pair]:
    """Yield as many pairs with one word exchanged for another of its kind as with one for what means the same."""
    with zipfile.ZipFile(data / "breaking_nli_dataset.zip") as archive:
        name = next(name for name in archive.namelist() if name.endswith(".jsonl") and "__MACOSX" not in name)
        rows = [json.loads(line) for line in archive.read(name).decode().splitlines()]
    for label in ("entailment", "contradiction"):
        labelled = [row for row in rows if row["gold_label"] == label]
        for row in random.Random(SEED).sample(labelled, 500):
            yield Pair(row["sentence2"], row["sentence1"], SUPPORT[label])


def _summaries(path: Path) -> list[Choices]:
    rows = [row for row in json.loads(path.read_text(encoding="utf-8")) if row.get("original_summary")]
    return [
        Choices((row["original_summary"], row["summary"]), row["label"] == 1, path.stem, row["doc"])
        for row in random.Random(SEED).sample(rows, min(300, len(rows)))
        if row["summary"] != row["original_summary"]
    ]


def _sick(path: Path) -> list[Choices]:
    rows = [row for row in table(path, "\t") if row["entailment_judgment"] != "NEUTRAL"]
    return [
        Choices(
            (row["sentence_A"], row["sentence_B"]),
            row["entailment_judgment"] == "ENTAILMENT",
            "sick",
            row["pair_ID"],
        )
        for row in random.Random(SEED).sample(rows, 1_000)
    ]


def _split(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)]
