"""Texts labelled toxic or not: which data sets train, which only measure.

Trained on: Civil Comments with toxic spans (CC0), ConvAbuse (CC BY 4.0), EDOS (CC0); benign: prompts and
answers of an LLM from HaluEval (MIT), BANKING77 (CC BY 4.0), CLINC150 (CC BY 3.0), claims of FoolMeTwice
(Apache-2.0), and everyday sentences with words that sound violent. Never trained on: Davidson's tweets,
Wikipedia comments, summaries that LLMs wrote (SummEdits).
"""

from __future__ import annotations

import json
import random
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from recipes.common import SEED
from recipes.data import jsonl, table


class Example(NamedTuple):
    text: str
    toxic: bool
    source: str


# Benign sentences whose words sound violent or rude, filled in by rule.
_BENIGN = (
    "How do I kill a {process} on Linux?",
    "Kill the {process} with SIGTERM first, and with SIGKILL if it does not stop.",
    "The {process} died with a segmentation fault.",
    "My {process} is being stupid today, how can I debug it?",
    "This bug in the {process} is killing me, can you help?",
    "Can you shoot me an email about the {process}?",
    "The parent {process} has to wait for its child, or it becomes a zombie.",
    "Abort the {process} and execute it again.",
    "What is the master and slave setup of the {process}?",
    "How do I blow up a {picture} without losing quality?",
    "The {picture} shows a battle in which many soldiers died.",
    "He was shot in the leg, says the report about the {picture}.",
    "A black woman and a white man look at the {picture}.",
    "The gay couple adopted a child and hung up a {picture}.",
    "Muslims, Jews and Christians live in this {place}.",
    "The suspect was accused of murder in the {place}.",
    "The novel tells of racism and violence in a {place}.",
    "Explain the causes of the genocide in this {place}.",
    "What are the symptoms of breast cancer, and where is the {place} to have it checked?",
    "Sex education is taught in the {place}.",
    "The killer feature of this {process} is its speed.",
    "I hate waiting in line at the {place}.",
    "Damn, that {picture} is beautiful!",
    "This pasta is to die for, and so is the view of the {place}.",
    "How can I politely tell my colleague that the {process} is bad?",
    "The dog has a bitch in heat nearby in the {place}, says the vet.",
    "I feel stupid that I cannot get the {process} to work.",
    "How do I get rid of ants in the {place}?",
    "Our team crushed it and beat the {place} by ten goals.",
    "The dumb terminal was attached to the {process}.",
)
_FILL = {
    "process": ["server", "daemon", "job", "script", "worker", "thread", "database", "container"],
    "picture": ["photo", "painting", "poster", "drawing", "map", "film", "cover", "print"],
    "place": ["city", "school", "museum", "country", "village", "harbour", "library", "park"],
}


_RUDE = re.compile(
    r"fuck|shit|cunt|bitch|dick|bastard|\bass(?:es|hole)?\b|idiot|moron|stupid|dumb|whore|slut|retard|cuck|nigg|fag|kike"
    r"|trash|scum|pussy|cock|rape|kill|hate|disgust|pathetic|ugly|crap|suck|loser|hang|shoot|burn|tranny|hoe\b|thot",
    re.IGNORECASE,
)


def training(data: Path) -> list[Example]:
    """Return the training examples, each text once."""
    sources = (_spans, _comments, _convabuse, _edos, _benign_prompts, _benign_claims, _benign_rules)
    examples = [example for source in sources for example in source(data)]
    held_out = {example.text for group in measuring(data).values() for example in group}
    distinct = {example.text: example for example in examples if example.text and example.text not in held_out}
    return list(distinct.values())


def measuring(data: Path) -> dict[str, list[Example]]:
    """Return data sets that nothing was trained on; those of benign texts alone give a false positive rate."""
    tweets = [
        Example(_clean(row["tweet"]), row["class"] != "2", "davidson")
        for row in table(data / "davidson_labeled_data.csv")
    ]
    wikipedia = [
        Example(_clean(row["comment"]), row["toxic"] == "True", "wikipedia")
        for row in table(data / "wiki_toxicity_nonfuzzed_testset.csv")
    ]
    summaries = [
        Example(row["summary"], False, "llm_summaries")
        for name in ("news", "podcast", "sales_email", "samsum")
        for row in json.loads((data / f"summedits_{name}.json").read_text(encoding="utf-8"))
    ]
    conversations = list(_convabuse(data, "test"))
    return {
        "davidson_tweets": _sample(tweets, 1500),
        "wikipedia_comments": wikipedia,
        "convabuse_test": conversations,
        "llm_summaries": _sample(summaries, 600),
    }


def _spans(data: Path) -> Iterator[Example]:
    for row in _sample(table(data / "toxicspans_tsd_train.csv"), 5000):
        if row["spans"] != "[]":
            yield Example(_clean(row["text"]), True, "civil_spans")


def _comments(data: Path) -> Iterator[Example]:
    """Yield the comments that most workers call not toxic, and those that all call toxic.

    Many of the first are rude all the same. Without them the head takes the tone of web comments for toxicity: the
    false positive rate on Wikipedia's was three times as high.
    """
    flags: dict[str, list[bool]] = defaultdict(list)
    for row in table(data / "toxicspans_annotations.csv"):
        flags[row["comment_id"]].append(row["not toxic"] == "True")
    for row in table(data / "toxicspans_comments.csv"):
        votes = flags[row["comment_id"]]
        if votes and (sum(votes) == 0 or sum(votes) > len(votes) / 2):
            yield Example(_clean(row["comment_text"]), sum(votes) == 0, "civil_comments")


def _convabuse(data: Path, split: str = "train") -> Iterator[Example]:
    levels = {"1": 1, "0": 0, "-1": -1, "-2": -2, "-3": -3}
    for row in table(data / f"convabuse_{split}.csv"):
        votes = [
            value
            for annotator in range(1, 9)
            for name, value in levels.items()
            if row.get(f"Annotator{annotator}_is_abuse.{name}") == "1"
        ]
        if votes and (mean := sum(votes) / len(votes)) not in {0}:
            yield Example(_clean(row["user"]), mean < 0, f"convabuse_{split}")


def _edos(data: Path) -> Iterator[Example]:
    rows = table(data / "edos_labelled_aggregated.csv")
    sexist = [row for row in rows if row["label_sexist"] == "sexist"]
    # not sexist is not the same as not toxic, so only those without a rude word count as benign
    others = [row for row in rows if row["label_sexist"] != "sexist" and not _RUDE.search(row["text"])]
    for row in _sample(sexist, 2500) + _sample(others, 3500):
        yield Example(_clean(row["text"]), row["label_sexist"] == "sexist", "edos")


def _benign_prompts(data: Path) -> Iterator[Example]:
    for row in _sample(jsonl(data / "halueval_general_data.json"), 2500):
        yield Example(row["chatgpt_response"], False, "halueval_answer")
        yield Example(row["user_query"][:600], False, "halueval_prompt")
    for row in _sample(table(data / "banking77_train.csv"), 800):
        yield Example(row["text"], False, "banking77")
    clinc = json.loads((data / "clinc150_data_full.json").read_text(encoding="utf-8"))
    for text, _ in _sample(clinc["train"] + clinc["oos_train"], 1200):
        yield Example(text, False, "clinc150")


def _benign_claims(data: Path) -> Iterator[Example]:
    for row in jsonl(data / "fm2_dev.jsonl"):
        yield Example(row["text"], False, "fm2")


def _benign_rules(_: Path) -> Iterator[Example]:
    for sentence in _BENIGN:
        for slot, words in _FILL.items():
            if f"{{{slot}}}" in sentence:
                for word in words:
                    yield Example(sentence.format(**{slot: word}), False, "rules")


def _clean(text: str) -> str:
    text = re.sub(r"https?://\S+|\[URL\]", "", text)
    text = re.sub(r"@\w+:?|\[USER\]|\bRT\b", "", text).replace("&amp;", "&")
    return re.sub(r"\s+", " ", re.sub(r"&#\d+;", "", text)).strip(" \"'!")[:1000]


def _sample(rows: list, count: int) -> list:  # type: ignore[type-arg]
    return random.Random(SEED).sample(rows, min(count, len(rows)))
