"""Finds the documents that share the most telling words with a question (BM25)."""

import math
import re
from collections import Counter
from pathlib import Path

# too common to tell one document from another
COMMON = """
    a an and are as at be by can cannot do does for from has have how i if in is it its many may me much must my no
    not of on or our out so than that the their them there they this to up us use used we what when where which who
    why will with you your
"""
STOP_WORDS = frozenset(COMMON.split())
K1, B = 1.2, 0.75  # the usual values: Robertson and Zaragoza, "The Probabilistic Relevance Framework", 2009


def words(text: str) -> list[str]:
    """Return a text's telling words, without the plural's s, so that "fees" finds "fee"."""
    found = re.findall(r"[a-z0-9]+", text.lower().replace("-", ""))
    return [word.removesuffix("s") for word in found if word not in STOP_WORDS]


class Index:
    """Documents, ready to be searched."""

    def __init__(self, documents: list[str]) -> None:
        self.documents = documents
        self._counts = [Counter(words(document)) for document in documents]
        self._mean_length = sum(counts.total() for counts in self._counts) / len(documents)
        self._document_frequency = Counter(word for counts in self._counts for word in counts)

    @classmethod
    def load(cls, folder: Path) -> "Index":
        """Read every Markdown file of the folder as one document."""
        return cls([path.read_text(encoding="utf-8").strip() for path in sorted(folder.glob("*.md"))])

    def search(self, question: str, limit: int = 2, least_score: float = 1.5) -> list[str]:
        """Return at most `limit` documents, the best first; none where nothing fits."""
        scores = [self._score(words(question), counts) for counts in self._counts]
        ranked = sorted(range(len(scores)), key=lambda i: scores[i], reverse=True)
        return [self.documents[i] for i in ranked[:limit] if scores[i] >= least_score]

    def _score(self, question: list[str], counts: Counter[str]) -> float:
        length = 1 - B + B * counts.total() / self._mean_length
        return sum(
            self._rarity(word) * counts[word] * (K1 + 1) / (counts[word] + K1 * length)
            for word in set(question)
            if word in counts
        )

    def _rarity(self, word: str) -> float:
        holders = self._document_frequency[word]
        return math.log(1 + (len(self.documents) - holders + 0.5) / (holders + 0.5))
