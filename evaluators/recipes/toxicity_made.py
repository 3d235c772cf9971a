"""Examples made of others, and by rule: wrapped, joined, disguised, written."""

from __future__ import annotations

import json
import random
import textwrap
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from recipes.common import SEED
from recipes.toxicity_examples import BENIGN, RUDE, Example, labelled

_LEET = str.maketrans({"a": "@", "e": "3", "i": "1", "o": "0", "s": "$"})
_HERE = Path(__file__).parent


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((_HERE / name).read_text(encoding="utf-8"))


RULES = _read("toxicity_rules.toml")
HEAD_RULES = _read("toxicity_head_rules.toml")
HEAD_RULES["slots"] |= RULES["slots"]


WRAPS: tuple[Callable[[list[str]], str], ...] = (
    " ".join,
    " ".join,
    "\n\n".join,
    "\n".join,
    lambda parts: "".join(f"- {part}\n" for part in parts),
    lambda parts: "".join(f"{number}. {part}\n" for number, part in enumerate(parts, 1)),
    lambda parts: "".join(f"> {part}\n" for part in parts),
    lambda parts: "".join(f"| {number} | {part} |\n" for number, part in enumerate(parts)),
    lambda parts: "".join(f"<p>{part}</p>" for part in parts),
    lambda parts: " ".join(f"**{part}**" for part in parts),
    lambda parts: json.dumps({f"key{number}": part for number, part in enumerate(parts)}),
    lambda parts: json.dumps({"text": "\n".join(parts)}),
    lambda parts: textwrap.fill(" ".join(parts), 64),
)
"""Functions that put parts together into one text, as answers are put together."""


def wrapped(examples: list[Example]) -> Iterator[Example]:
    """Yield toxic and benign texts inside of prompts, so that the prompt around a text says nothing of it."""
    choose = random.Random(SEED)
    short = [example for example in examples if 10 < len(example.text) < 250]
    toxic = [example for example in short if example.labels["toxic"] >= 0.9]
    benign = [example for example in short if not example.labels["toxic"] and example.source != "civil_comments"]
    for example in choose.sample(toxic, 2500) + choose.sample(benign, 3500):
        wrap = choose.choice(RULES["wraps"])
        text = _filled(wrap.replace("{quoted}", "\0"), choose, RULES).replace("\0", example.text)
        yield Example(text, example.labels, "wrapped")


def joined(examples: list[Example]) -> Iterator[Example]:
    """Yield texts beside benign ones, so that toxic sentences are found among others."""
    choose = random.Random(SEED)
    short = [example for example in examples if 10 < len(example.text) < 160]
    toxic = [example for example in short if example.labels["toxic"] >= 0.9]
    benign = [example for example in short if not example.labels["toxic"]]
    for example in choose.sample(toxic, 4000) + choose.sample(benign, 5000):
        beside = [other.text for other in choose.sample(benign, choose.randint(1, 2))]
        said = [*beside, example.text]
        choose.shuffle(said)
        yield Example(" ".join(said), example.labels, "joined")


def disguised(examples: list[Example]) -> Iterator[Example]:
    """Yield toxic texts with their rude words misspelt, as people do who know that someone filters."""
    choose = random.Random(SEED)
    rude = [example for example in examples if example.labels["toxic"] >= 0.9 and RUDE.search(example.text)]
    for example in choose.sample(rude, 2500):
        yield Example(
            RUDE.sub(lambda match: _misspelt(match.group(), choose), example.text), example.labels, "disguised"
        )


def _misspelt(word: str, choose: random.Random) -> str:
    place = choose.randrange(1, len(word)) if len(word) > 1 else 0
    ways = (
        lambda: word[:place] + choose.choice("*#@$%!") + word[place + 1 :],
        lambda: word[:1] + "*" * max(1, len(word) - 2) + word[-1:],
        lambda: word[:place] + word[place] * choose.randint(2, 4) + word[place + 1 :],
        lambda: word[:place] + word[place + 1 :],
        lambda: word.translate(_LEET),
        lambda: " ".join(word),
        lambda: choose.choice((".", "-")).join(word),
        lambda: word.replace("ck", choose.choice(("k", "q", "x", "cc"))).replace("u", choose.choice("uv")),
    )
    return choose.choice(ways)()


def written(rules: Mapping[str, Any]) -> Iterator[Example]:
    """Yield texts of the file's templates."""
    choose = random.Random(SEED)
    for template in rules["toxic"]:
        for _ in range(25):
            yield labelled(_filled(template, choose, rules), 0.95, "rules")
    for kind in ("threat", "insult", "identity_hate", "sexual"):
        for template in rules.get(kind, ()):
            for _ in range(25):
                yield labelled(_filled(template, choose, rules), 0.95, "rules", **{kind: 1.0})
    for template in rules["benign"]:
        for _ in range(16):
            yield Example(_filled(template, choose, rules), BENIGN, "rules")


def _filled(template: str, choose: random.Random, rules: Mapping[str, Any]) -> str:
    slots = {}
    for name, values in rules["slots"].items():
        slots[name], slots[f"{name}2"] = choose.sample(values, 2)
    return template.format(**slots)
