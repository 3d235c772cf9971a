"""Examples of the recipe for toxicity, and rude words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

LABELS = ("toxic", "severe", "obscene", "threat", "insult", "identity_hate", "sexual")


class Example(NamedTuple):
    text: str
    labels: Mapping[str, float]
    """Probabilities of `LABELS`, as far as they are known; `toxic` always is."""
    source: str

    @property
    def toxic(self) -> bool:
        return self.labels["toxic"] >= 0.5


BENIGN = dict.fromkeys(LABELS, 0.0)
OBSCENE = re.compile(
    r"fuck|shit|cunt|bitch|dick\b|bastard|\bass(?:es|hole)?s?\b|whore|slut|pussy|cock\b|crap\b|piss|twat|wank|bollocks",
    re.IGNORECASE,
)
RUDE = re.compile(
    OBSCENE.pattern
    + r"|idiot|moron|stupid|dumb|retard|cuck|nigg|fag|kike|trash|scum|rape|kill|hate|disgust|pathetic"
    r"|ugly|suck|loser|hang|shoot|burn|tranny|hoe\b|thot",
    re.IGNORECASE,
)


def labelled(text: str, toxic: float, source: str, **others: float) -> Example:
    if not toxic:
        return Example(text, BENIGN, source)
    obscene = {"obscene": 1.0} if OBSCENE.search(text) else {"obscene": 0.0}
    return Example(text, {"toxic": float(toxic), **obscene, **others}, source)
