"""Claims written by rule: plain facts said rightly and wrongly, spoiled sentences, polite nothings."""

from __future__ import annotations

import json
import random
import re
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

from otel_llm.evaluate.engine.sentences import sentences
from recipes.common import SEED
from recipes.data import jsonl
from recipes.groundedness_data import Claim, spoiled_claim

_RULES = tomllib.loads((Path(__file__).parent / "facts.toml").read_text(encoding="utf-8"))
_OPPOSITES = (
    "increase decrease", "rise fall", "rose fell", "first last", "before after", "more fewer", "higher lower",
    "large small", "open closed", "always never", "all none", "win lose", "won lost", "best worst",
    "early late", "allowed forbidden", "good bad", "start end", "north south", "east west", "husband wife",
    "brother sister", "male female", "young old", "accept reject", "accepted rejected", "success failure",
    "safe dangerous", "true false", "cheap expensive", "hot cold", "include exclude", "includes excludes",
    "most few", "many few", "often rarely", "easy difficult", "new old", "buy sell",
)  # fmt: skip
_EXTRA = (
    "for the first time", "in London", "every year", "with his family", "because of the weather", "in 2015",
    "for three weeks", "at no cost", "under protest", "twice a month", "in New York", "by mistake", "last summer",
    "with great success", "against the rules", "for medical reasons", "as planned", "within two days",
)  # fmt: skip
_SYNONYMS = (
    "big large", "begin start", "began started", "purchase buy", "purchased bought", "children kids",
    "help assist", "helped assisted", "show demonstrate", "shows demonstrates", "many numerous", "says states",
    "said stated", "movie film", "car vehicle", "doctor physician", "quickly rapidly", "ended finished",
    "choose select", "needs requires", "need require", "get obtain", "got obtained", "gave provided",
    "gives provides", "about around", "approximately about", "because since", "important significant",
    "make create", "made created", "use utilise", "used utilised", "think believe", "thinks believes",
    "talk speak", "talked spoke", "city town", "job position", "whole entire", "also additionally",
    "near close", "company firm", "two 2", "three 3", "four 4", "five 5", "six 6", "ten 10", "percent %",
    "main primary", "mostly mainly", "later afterwards", "however though",
)  # fmt: skip
_SAME = {a: b for pair in _SYNONYMS for a, b in (pair.split(), pair.split()[::-1])}
_SWAP = {a: b for pair in _OPPOSITES for a, b in (pair.split(), pair.split()[::-1])}


def facts(count: int) -> Iterator[Claim]:
    """Yield claims about contexts of several facts, and sentences that claim nothing."""
    choose = random.Random(SEED)
    for _ in range(count):
        chosen = choose.sample(_RULES["fact"], choose.randint(1, 5))
        slots = _slots(choose)
        documents = (" ".join(fact["says"].format(**slots) for fact in chosen),)
        for fact in choose.sample(chosen, min(len(chosen), choose.randint(1, 2))):
            right = choose.choice([fact["says"], *fact["right"]]).format(**slots)
            wrong = choose.choice(fact["wrong"]).format(**slots)
            if choose.random() < 0.5:
                yield Claim(right, documents, supported=True, source="facts")
            else:
                yield Claim(wrong, documents, supported=False, source="facts", right=right)
        if choose.random() < 0.2:
            other = choose.choice([fact for fact in _RULES["fact"] if fact not in chosen])
            yield Claim(
                choose.choice(other["right"]).format(**_slots(choose)), documents, supported=False, source="facts"
            )
        if choose.random() < 0.25:
            yield Claim(choose.choice(_RULES["polite"]), documents, supported=True, source="facts")


def spoiled(data: Path, count: int) -> Iterator[Claim]:
    """Yield sentences of texts that LLMs wrote: as they are, changed in one place, or from another text."""
    choose = random.Random(SEED)
    texts = [row["chatgpt_response"] for row in jsonl(data / "halueval_general_data.json")]
    texts = [text for text in texts if 3 <= len(sentences(text)) <= 12]
    for text, other in zip(choose.choices(texts, k=count), choose.choices(texts, k=count), strict=True):
        said = _said(text)
        sentence = choose.choice([each for each in said if len(each.split()) > 4] or said)
        kind = choose.random()
        if kind < 0.3:
            yield Claim(reordered(sentence, choose), (text,), supported=True, source="spoiled")
        elif kind < 0.75 and (changed := change(sentence, text, other, choose)):
            yield spoiled_claim(changed, sentence, (text,), "spoiled")
        elif kind < 0.9:
            yield Claim(choose.choice(_said(other)), (text,), supported=text == other, source="spoiled")
        else:
            yield Claim(choose.choice(_RULES["polite"]), (text,), supported=True, source="spoiled")


def corrupted(claims: Sequence[Claim], count: int) -> Iterator[Claim]:
    """Yield supported sentences of other sources with another number, name or polarity."""
    choose = random.Random(SEED)
    supported = [claim for claim in claims if claim.supported and claim.text not in _RULES["polite"]]
    choose.shuffle(supported)
    # sentences with numbers first: they are few, and a wrong number is what users fear most
    supported.sort(key=lambda claim: not re.search(r"\d", claim.text))
    for claim in supported[:count]:
        text = " ".join(claim.documents)
        way = _another_number if re.search(r"\d", claim.text) and choose.random() < 0.7 else change
        if (changed := way(claim.text, text, choose.choice(supported).text, choose)) and changed not in text:
            yield spoiled_claim(changed, claim.text, claim.documents, "corrupted")


def near_misses(data: Path, count: int) -> Iterator[Claim]:
    """Yield sentences of documents, shortened, and the same with one thing wrong that is near by."""
    choose = random.Random(SEED)
    documents = [text for text in _documents(data) if len(_said(text)) >= 3]
    for _ in range(count):
        text = choose.choice(documents)
        said = _said(text)
        first = choose.randrange(max(1, len(said) - 8))
        said = said[first : first + choose.randint(2, 7)]
        long = [sentence for sentence in said if 6 <= len(sentence.split()) <= 45]
        if not long:
            continue
        sentence, around = _shortened(choose.choice(long), choose), " ".join(said)
        if choose.random() < 0.25:
            yield Claim(sentence, (around,), supported=True, source="near_misses")
            continue
        other = choose.choice(documents)
        ways = [_other_word, _other_word, _added, _another_name, _another_number, _opposite, _negated]
        choose.shuffle(ways)
        near = choose.choice(said) if choose.random() < 0.7 else choose.choice(_said(other))
        for way in ways:
            changed = way(sentence, around, near, choose)
            if changed and changed != sentence and changed not in around:
                yield spoiled_claim(changed, sentence, (around,), "near_misses")
                break


def _documents(data: Path) -> Iterator[str]:
    for name in ("news", "podcast", "sales_email", "qmsumm", "samsum"):
        rows = json.loads((data / f"summedits_{name}.json").read_text(encoding="utf-8"))
        yield from sorted({row["doc"] for row in rows}) * 4
    for row in jsonl(data / "fm2_dev.jsonl") + jsonl(data / "fm2_test.jsonl"):
        yield " ".join(piece["text"] for piece in row["retrieved_evidence"][:8])
    for row in jsonl(data / "wice_tokens_train.jsonl"):
        yield "\n".join(line for line in row["evidence"] if len(line.split()) > 5)
    for row in jsonl(data / "halueval_general_data.json"):
        yield row["chatgpt_response"]


def _said(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)]


def _shortened(sentence: str, choose: random.Random) -> str:
    """Return what follows from the sentence: without what can be left out, some words in other words."""
    ways: list[tuple[str, str]] = [
        (r"\s*\([^)]*\)", ""),
        (
            r"^(?:In|On|At|During|After|Before|For|With|By|As|However|Additionally|Overall|Finally),? [^,]{3,40},"
            r" (?=\w)",
            "",
        ),
        (r", (?:which|who|where|whose|including|such as|according to) [^,.]*(?=[,.])", ""),
        (r", (?:and|but|while|so|as|because) [^,.]*(?=\.$)", ""),
        (r"\b(?:also|very|really|often|usually|however|additionally|actually|just|currently|recently),? ", ""),
    ]
    for pattern, replacement in ways:
        if choose.random() < 0.6:
            sentence = re.sub(pattern, replacement, sentence)
    words = sentence.split(" ")
    for index, word in enumerate(words):
        if word in _SAME and choose.random() < 0.7:
            words[index] = _SAME[word]
    sentence = " ".join(words)
    return sentence[:1].upper() + sentence[1:]


def _other_word(sentence: str, text: str, near: str, choose: random.Random) -> str | None:
    """Put another word of the same form in the place of one, from near by."""
    mine = list(re.findall(r"\b[a-z]{5,}\b", sentence))
    choose.shuffle(mine)
    for word in mine:
        ending = word[-2:]
        others = [
            other
            for other in re.findall(r"\b[a-z]{5,}\b", near)
            if other[-2:] == ending and other != word and other[:4] != word[:4] and other not in sentence
        ]
        if others:
            return re.sub(rf"\b{word}\b", choose.choice(others), sentence, count=1)
    return None


def _added(sentence: str, _text: str, near: str, choose: random.Random) -> str | None:
    """Put in a phrase that the text does not have."""
    phrases = re.findall(
        r"\b(?:in|for|with|after|because of|from|to|by|during) (?:the |a |an )?(?:\w+ ){0,2}\w{4,}", near
    )
    phrase = choose.choice([*phrases, *_EXTRA]) if phrases else choose.choice(_EXTRA)
    if phrase in sentence or not sentence.endswith("."):
        return None
    return f"{sentence[:-1]} {phrase}."


def _slots(choose: random.Random) -> dict[str, str]:
    slots = {}
    for name, values in _RULES["slots"].items():
        slots[name], slots[f"{name}2"] = choose.sample(values, 2)
    return slots


def reordered(sentence: str, choose: random.Random) -> str:
    """Return the sentence, at times with its last clause in front or its adverbs gone."""
    if choose.random() < 0.4 and re.fullmatch(r"[^,]+, [^,]+\.", sentence):
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
