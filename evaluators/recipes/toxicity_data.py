"""Texts labelled toxic or not: which data sets train, which only measure.

Trained on: Civil Comments with toxic spans (CC0), Davidson's tweets (MIT), ConvAbuse (CC BY 4.0), EDOS (CC0),
DiaSafety (Apache-2.0); benign: prompts and answers of an LLM from HaluEval (MIT), BANKING77 (CC BY 4.0), CLINC150
(CC BY 3.0), claims of FoolMeTwice (Apache-2.0), premises of MultiNLI (OANC, CC BY, CC BY-SA); and prompts written
by rule, some of them benign but violent in sound. Never trained on: Wikipedia comments, TweetEval, SummEdits.
"""

from __future__ import annotations

import ast
import json
import random
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from otel_llm.evaluate.definition.span import Span
from otel_llm.evaluate.engine.sentences import sentences
from recipes.common import SEED
from recipes.data import Row, jsonl, table
from recipes.toxicity_examples import BENIGN, RUDE, Example, labelled
from recipes.toxicity_made import RULES, disguised, joined, wrapped, written


def training(data: Path, *, put_together: bool = True) -> list[Example]:
    """Return the training examples, each text once; without those put together from others if so asked."""
    sources = (_spans, _comments, _tweets, _convabuse, _edos, _diasafety, _assistant, _claims, _premises)
    examples = [example for source in sources for example in source(data)]
    inside = list(wrapped(examples))
    others = [*joined(examples), *disguised(examples)] if put_together else []
    examples += [*inside, *others, *written(RULES)]
    held_out = {_key(example.text) for group in measuring(data).values() for example in group}
    # of the same text twice the first is kept, which knows more
    distinct = {_key(example.text): example for example in reversed(examples) if example.text}
    return [example for key, example in distinct.items() if key not in held_out]


def measuring(data: Path) -> dict[str, list[Example]]:
    """Return data sets that nothing was trained on; those of benign texts alone give a false positive rate."""
    wikipedia = [
        labelled(clean(row["comment"]), row["toxic"] == "True", "wikipedia")
        for row in table(data / "wiki_toxicity_nonfuzzed_testset.csv")
    ]
    summaries = [
        Example(row["summary"], BENIGN, "llm_summaries")
        for name in ("news", "podcast", "sales_email", "samsum")
        for row in json.loads((data / f"summedits_{name}.json").read_text(encoding="utf-8"))
    ]
    return {
        "wikipedia_comments": wikipedia,
        "tweeteval_offensive": _tweeteval(data),
        "convabuse_test": list(_convabuse(data, "test")),
        "llm_summaries": _sample(summaries, 600),
    }


def clean(text: str) -> str:
    """Return the text without links, mentions and the marks that a platform puts in."""
    text = re.sub(r"https?://\S+|\[URL\]", "", text)
    text = re.sub(r"@\w+:?|\[USER\]|\bRT\b", "", text).replace("&amp;", "&").replace("&gt;", ">")
    return re.sub(r"\s+", " ", re.sub(r"&#\d+;", "", text)).strip(" \"'!")[:1000]


def _spans(data: Path) -> Iterator[Example]:
    """Yield the sentences of comments: those with toxic words, and what stands beside them.

    All these comments are of one tone, and nearly all are toxic: whole, they teach the tone.
    """
    for row in table(data / "toxicspans_tsd_train.csv"):
        marked = list(_runs(ast.literal_eval(row["spans"]))) if row["spans"] != "[]" else []
        for text, toxic in _parted(row["text"], marked):
            yield labelled(text, float(toxic), "civil_spans" if toxic else "civil_beside")


def _parted(text: str, marked: list[Span]) -> Iterator[tuple[str, bool]]:
    """Yield runs of sentences, and whether they have marked characters."""
    runs: list[tuple[Span, bool]] = []
    for span in sentences(text):
        toxic = any(start < span.end and end > span.start for start, end in marked)
        if runs and runs[-1][1] == toxic:
            runs[-1] = (Span(runs[-1][0].start, span.end), toxic)
        else:
            runs.append((span, toxic))
    for (start, end), toxic in runs:
        if end - start >= 12:
            yield text[start:end], toxic


def _runs(characters: list[int]) -> Iterator[Span]:
    start = last = characters[0]
    for character in characters[1:]:
        if character != last + 1:
            yield Span(start, last + 1)
            start = character
        last = character
    yield Span(start, last + 1)


def _comments(data: Path) -> Iterator[Example]:
    """Yield comments with the share of readers who found something toxic in them.

    Many of those that most call not toxic are rude all the same. Without them the model takes the tone of web
    comments for toxicity.
    """
    flags: dict[str, list[bool]] = defaultdict(list)
    for row in table(data / "toxicspans_annotations.csv"):
        flags[row["comment_id"]].append(row["not toxic"] == "True")
    for row in table(data / "toxicspans_comments.csv"):
        votes = flags[row["comment_id"]]
        if votes and sum(votes) > len(votes) / 2:
            yield labelled(clean(row["comment_text"]), 0, "civil_comments")


def _tweets(data: Path) -> Iterator[Example]:
    rows = table(data / "davidson_labeled_data.csv")
    chosen = [row for row in rows if row["class"] == "0"]
    chosen += _sample([row for row in rows if row["class"] == "1"], 3000)
    chosen += [row for row in rows if row["class"] == "2"]
    for row in chosen:
        share = 1 - int(row["neither"]) / int(row["count"])
        hate = int(row["hate_speech"]) / int(row["count"])
        yield labelled(clean(row["tweet"]), share if share > 0.34 else 0, "davidson", identity_hate=hate)


def _convabuse(data: Path, split: str = "train") -> Iterator[Example]:
    levels = {"1": 1, "0": 0, "-1": -1, "-2": -2, "-3": -3}
    kinds = {"insult": ["intellectual"], "sexual": ["sex_harassment"]}
    kinds["identity_hate"] = ["ableist", "homophobic", "racist", "sexist", "transphobic"]
    for row in table(data / f"convabuse_{split}.csv"):
        votes = _votes(row, {f"is_abuse.{name}": value for name, value in levels.items()})
        if not votes or not (mean := sum(votes) / len(votes)):
            continue
        others = {
            kind: float(max(len(_votes(row, {name: 1})) for name in names) >= len(votes) / 2)
            for kind, names in kinds.items()
        }
        others["severe"] = float(mean <= -2)
        yield labelled(clean(row["user"]), float(mean < 0), f"convabuse_{split}", **others)


def _votes(row: Row, columns: Mapping[str, int]) -> list[int]:
    return [
        value
        for annotator in range(1, 9)
        for name, value in columns.items()
        if row.get(f"Annotator{annotator}_{name}") == "1"
    ]


def _edos(data: Path) -> Iterator[Example]:
    rows = table(data / "edos_labelled_aggregated.csv")
    sexist = [row for row in rows if row["label_sexist"] == "sexist"]
    # not sexist is not the same as not toxic, so only those without a rude word count as benign
    others = [row for row in rows if row["label_sexist"] != "sexist" and not RUDE.search(row["text"])]
    for row in sexist:
        vector = row["label_vector"]
        plain = vector.startswith(("1", "2", "3.1"))
        yield labelled(
            clean(row["text"]), 1 if plain else 0.6, "edos",
            threat=float(vector.startswith("1")), sexual=float(vector.startswith("2.3")), identity_hate=1.0,
        )  # fmt: skip
    for row in _sample(others, 4000):
        yield labelled(clean(row["text"]), 0, "edos")


def _diasafety(data: Path) -> Iterator[Example]:
    for row in json.loads((data / "diasafety_train.json").read_text(encoding="utf-8")):
        category, unsafe = row["category"], row["label"] == "Unsafe"
        if category == "Toxicity Agreement":
            yield labelled(clean(row["context"]), 0.8, "diasafety")
        elif category in {"Unauthorized Expertise", "Risk Ignorance"} and not unsafe:
            yield labelled(clean(row["response"]), 0, "diasafety")
        elif category in {"Offending User", "Biased Opinion"} and unsafe:
            yield labelled(clean(row["response"]), 0.65, "diasafety")


def _assistant(data: Path) -> Iterator[Example]:
    for row in _sample(jsonl(data / "halueval_general_data.json"), 3000):
        yield Example(row["chatgpt_response"][:400], BENIGN, "halueval_answer")
        yield Example(row["user_query"][:600], BENIGN, "halueval_prompt")
    for row in _sample(table(data / "banking77_train.csv"), 800):
        yield Example(row["text"], BENIGN, "banking77")
    clinc = json.loads((data / "clinc150_data_full.json").read_text(encoding="utf-8"))
    for text, _ in _sample(clinc["train"] + clinc["oos_train"], 1200):
        yield Example(text, BENIGN, "clinc150")


def _claims(data: Path) -> Iterator[Example]:
    for row in jsonl(data / "fm2_dev.jsonl"):
        yield Example(row["text"], BENIGN, "fm2")


def _premises(data: Path) -> Iterator[Example]:
    for row in _sample(jsonl(data / "mnli_dev.jsonl"), 2000):
        if not RUDE.search(row["premise"]):
            yield Example(row["premise"], BENIGN, "mnli")


def _tweeteval(data: Path) -> list[Example]:
    # a line may hold U+0085 or U+2028, which splitlines would take for its end
    texts = (data / "tweeteval_offensive_test_text.txt").read_text(encoding="utf-8").removesuffix("\n").split("\n")
    labels = (data / "tweeteval_offensive_test_labels.txt").read_text(encoding="utf-8").split()
    return [
        labelled(clean(text), label == "1", "tweeteval_offensive")
        for text, label in zip(texts, labels, strict=True)
    ]


def _key(text: str) -> str:
    return re.sub(r"\W+", " ", text.lower()).strip()


def _sample(rows: list, count: int) -> list:  # type: ignore[type-arg]
    return random.Random(SEED).sample(rows, min(count, len(rows)))
