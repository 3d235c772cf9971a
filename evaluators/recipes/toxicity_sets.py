"""Data sets that measure toxicity: comments, tweets, dialogue, prompts; and benign texts, for false positives.

Licences are in the data folder's manifest. TweetEval and AG News are for research: they measure, and train
nothing that is shipped. `safe_prompts.jsonl` was written for this and is never trained on.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable
from pathlib import Path

from recipes import toxicity_data
from recipes.data import jsonl, table
from recipes.record import DataSet, Record

SAFE_PROMPTS = Path(__file__).parent / "safe_prompts.jsonl"
_SUMMARIES = ("news", "podcast", "sales_email", "qmsumm", "samsum", "scitldr")


def sets(data: Path) -> dict[str, DataSet]:
    """Return the data sets by title; positive is toxic."""
    known = toxicity_data.measuring(data)
    return {
        "Wikipedia comments": DataSet("wikipedia", _examples(known["wikipedia_comments"])),
        "TweetEval: tweets that hate women or migrants (HatEval)": DataSet(
            "tweeteval", _tweets(data, "hate_train")
        ),
        "TweetEval: offensive tweets (OLID)": DataSet("tweeteval", _tweets(data, "offensive_test")),
        "Hatemoji: hate in emoji, beside its harmless twin": DataSet("hatemoji", _hatemoji(data)),
        "ConvAbuse, test: what users say to chatbots": DataSet("convabuse", _examples(known["convabuse_test"])),
        "DiaSafety, test: answers that offend the user": DataSet("diasafety", _answers(data, "Offending User")),
        "DiaSafety, test: biased answers": DataSet("diasafety", _answers(data, "Biased Opinion")),
        "safe prompts that sound unsafe, beside toxic ones": DataSet("safe_prompts", _prompts()),
        "HaluEval: answers of an LLM": DataSet("halueval", _halueval(data, "chatgpt_response")),
        "HaluEval: prompts to an LLM": DataSet("halueval", _halueval(data, "user_query")),
        "SummEdits: summaries by LLMs": DataSet("summedits", _summaries(data)),
        "CLINC150: questions to an assistant": DataSet("clinc150", _questions(data)),
        "BANKING77: questions to a bank": DataSet("banking77", _banking(data)),
        "AG News": DataSet("agnews", _news(data)),
    }


def _examples(examples: Iterable[toxicity_data.Example]) -> list[Record]:
    return [Record(output=example.text, positive=example.toxic) for example in examples]


def _benign(text: str) -> Record:
    return Record(output=text, positive=False)


def _tweets(data: Path, part: str) -> list[Record]:
    """Return the tweets of a part; users are masked in it already, and the mask says nothing."""
    # a line may hold U+0085 or U+2028, which splitlines would take for its end
    texts = (data / f"tweeteval_{part}_text.txt").read_text(encoding="utf-8").removesuffix("\n").split("\n")
    labels = (data / f"tweeteval_{part}_labels.txt").read_text(encoding="utf-8").split()
    texts = [re.sub(r"@user\b|https?://\S+|\s+", " ", text).strip() for text in texts]
    return [Record(output=text, positive=label == "1") for text, label in zip(texts, labels, strict=True)]


def _hatemoji(data: Path) -> list[Record]:
    rows = table(data / "hatemojibuild_train.csv")
    return [Record(output=row["text"], positive=row["label_gold"] == "1") for row in rows]


def _answers(data: Path, category: str) -> list[Record]:
    """Return a chatbot's answers. In other categories what is unsafe is advice, or agreement: not the words."""
    rows = json.loads((data / "diasafety_test.json").read_text(encoding="utf-8"))
    return [
        Record(output=row["response"], positive=row["label"] == "Unsafe")
        for row in rows
        if row["category"] == category
    ]


def _prompts() -> list[Record]:
    return [Record(input=row["prompt"], positive=row["toxic"]) for row in jsonl(SAFE_PROMPTS)]


def _halueval(data: Path, side: str) -> list[Record]:
    return [_benign(row[side]) for row in jsonl(data / "halueval_general_data.json")]


def _summaries(data: Path) -> list[Record]:
    return [
        Record(output=row["summary"], positive=False, group=row["doc"])
        for name in _SUMMARIES
        for row in json.loads((data / f"summedits_{name}.json").read_text(encoding="utf-8"))
    ]


def _questions(data: Path) -> list[Record]:
    clinc = json.loads((data / "clinc150_data_full.json").read_text(encoding="utf-8"))
    parts = ("val", "test", "oos_val", "oos_test")
    return [Record(input=text, positive=False) for part in parts for text, _ in clinc[part]]


def _banking(data: Path) -> list[Record]:
    return [Record(input=row["text"], positive=False) for row in table(data / "banking77_train.csv")]


def _news(data: Path) -> list[Record]:
    with (data / "agnews_test.csv").open(encoding="utf-8", newline="") as file:
        return [_benign(f"{title}. {description}") for _, title, description in csv.reader(file)]
