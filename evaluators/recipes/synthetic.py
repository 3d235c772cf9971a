"""Answers written by rule: plain facts said rightly and wrongly, spoiled sentences, polite nothings."""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

from otel_llm.evaluate.text import Span, sentences
from recipes.common import SEED
from recipes.data import jsonl
from recipes.groundedness_data import Answer

_RULES = tomllib.loads((Path(__file__).parent / "facts.toml").read_text(encoding="utf-8"))
_OPPOSITES = (
    "increase decrease", "rise fall", "rose fell", "first last", "before after", "more fewer", "higher lower",
    "large small", "open closed", "always never", "all none", "win lose", "won lost", "best worst",
    "early late", "allowed forbidden", "good bad", "start end", "north south", "east west", "husband wife",
    "brother sister", "male female", "young old", "accept reject", "accepted rejected", "success failure",
    "safe dangerous", "true false", "cheap expensive", "hot cold", "include exclude", "includes excludes",
    "most few", "many few", "often rarely", "easy difficult", "new old", "buy sell",
)  # fmt: skip
_SWAP = {a: b for pair in _OPPOSITES for a, b in (pair.split(), pair.split()[::-1])}


def facts(count: int) -> Iterator[Answer]:
    """Yield answers of one to three sentences about a context of several facts."""
    choose = random.Random(SEED)
    for _ in range(count):
        chosen = choose.sample(_RULES["fact"], choose.randint(1, 5))
        slots = _slots(choose)
        document = " ".join(fact["says"].format(**slots) for fact in chosen)
        said: list[tuple[str, bool]] = []
        for fact in choose.sample(chosen, min(len(chosen), choose.randint(1, 2))):
            supported = choose.random() < 0.5
            options = [fact["says"], *fact["right"]] if supported else fact["wrong"]
            said.append((choose.choice(options).format(**slots), supported))
        if choose.random() < 0.2:
            other = choose.choice([fact for fact in _RULES["fact"] if fact not in chosen])
            said.append((choose.choice(other["right"]).format(**_slots(choose)), False))
        if choose.random() < 0.25:
            said.insert(choose.choice([0, len(said)]), (choose.choice(_RULES["polite"]), True))
        yield _answer(said, (document,), "facts")


def spoiled(data: Path, count: int) -> Iterator[Answer]:
    """Yield sentences of texts that LLMs wrote: as they are, changed in one place, or from another text."""
    choose = random.Random(SEED)
    texts = [row["chatgpt_response"] for row in jsonl(data / "halueval_general_data.json")]
    texts = [text for text in texts if 3 <= len(sentences(text)) <= 12]
    for text, other in zip(choose.sample(texts, count), choose.sample(texts, count), strict=True):
        spans = [text[start:end] for start, end in sentences(text)]
        sentence = choose.choice([span for span in spans if len(span.split()) > 4] or spans)
        kind = choose.random()
        if kind < 0.35:
            yield _answer([(reordered(sentence, choose), True)], (text,), "spoiled")
        elif kind < 0.8 and (changed := change(sentence, text, other, choose)):
            yield _answer([(changed, False)], (text,), "spoiled")
        elif kind < 0.9:
            away = choose.choice([other[start:end] for start, end in sentences(other)])
            yield _answer([(away, False)], (text,), "spoiled")
        else:
            yield _answer([(choose.choice(_RULES["polite"]), True)], (text,), "spoiled")


def corrupted(answers: Sequence[Answer], count: int) -> Iterator[Answer]:
    """Yield supported sentences of other sources with another number, name or polarity."""
    choose = random.Random(SEED)
    supported = [
        (sentence, answer)
        for answer in answers
        for span, right in answer.supported
        if right and (sentence := answer.text[slice(*span)]) not in _RULES["polite"]
    ]
    choose.shuffle(supported)
    # sentences with numbers first: they are few, and a wrong number is what users fear most
    supported.sort(key=lambda pair: not re.search(r"\d", pair[0]))
    others = [sentence for sentence, _ in supported]
    for sentence, answer in supported[:count]:
        text = " ".join(answer.documents)
        way = _another_number if re.search(r"\d", sentence) and choose.random() < 0.7 else change
        if (changed := way(sentence, text, choose.choice(others), choose)) and changed not in text:
            yield _answer([(changed, False)], answer.documents, "corrupted")


def _answer(said: Sequence[tuple[str, bool]], documents: tuple[str, ...], source: str) -> Answer:
    text, labels = "", []
    for sentence, supported in said:
        text += " " if text else ""
        labels.append((Span(len(text), len(text) + len(sentence)), supported))
        text += sentence
    return Answer(text, documents, tuple(labels), source)


def _slots(choose: random.Random) -> dict[str, str]:
    slots = {}
    for name, values in _RULES["slots"].items():
        slots[name], slots[f"{name}2"] = choose.sample(values, 2)
    return slots


def reordered(sentence: str, choose: random.Random) -> str:
    """Return the sentence, at times with its last clause in front or its adverbs gone."""
    if choose.random() < 0.4 and sentence.count(", ") == 1 and sentence.endswith("."):
        front, back = sentence[:-1].split(", ")
        return f"{back[0].upper()}{back[1:]}, {front[0].lower()}{front[1:]}."
    return re.sub(r"\b(also|very|really|often|usually|however|additionally),? ", "", sentence, flags=re.IGNORECASE)


def change(sentence: str, text: str, other: str, choose: random.Random) -> str | None:
    ways = [_another_number, _opposite, _negated, _another_name]
    choose.shuffle(ways)
    return next(
        (changed for way in ways if (changed := way(sentence, text, other, choose)) and changed not in text), None
    )


def _another_number(sentence: str, _text: str, _other: str, choose: random.Random) -> str | None:
    numbers = list(re.finditer(r"\d+", sentence))
    if not numbers:
        return None
    number = choose.choice(numbers)
    value = int(number.group()) + choose.choice([-3, -2, -1, 1, 2, 3, 10, 50])
    return f"{sentence[: number.start()]}{abs(value)}{sentence[number.end() :]}"


def _opposite(sentence: str, _text: str, _other: str, choose: random.Random) -> str | None:
    found = [word for word in re.findall(r"[a-z]+", sentence) if word in _SWAP]
    if not found:
        return None
    word = choose.choice(found)
    return re.sub(rf"\b{word}\b", _SWAP[word], sentence, count=1)


def _negated(sentence: str, _text: str, _other: str, _choose: random.Random) -> str | None:
    changed, count = re.subn(
        r"\b(is|are|was|were|can|will|should|has|have) (?!not\b)", r"\1 not ", sentence, count=1
    )
    return changed if count else None


def _another_name(sentence: str, text: str, other: str, choose: random.Random) -> str | None:
    pattern = r"(?<=[a-z,] )[A-Z][a-z]{2,}(?: [A-Z][a-z]+)*"
    mine, theirs = re.findall(pattern, sentence), re.findall(pattern, other) + re.findall(pattern, text)
    theirs = [name for name in theirs if name not in sentence]
    return sentence.replace(choose.choice(mine), choose.choice(theirs), 1) if mine and theirs else None
