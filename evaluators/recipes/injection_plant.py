"""Instructions planted into other texts, and disguises of a text."""

from __future__ import annotations

import random

_LEET = str.maketrans("aeiostl", "4310571")
_LOOKALIKES = str.maketrans("aeopcxiyjs", "аеорсхіујѕ")  # noqa: RUF001 - Cyrillic letters that look like these
_INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff"
_FRAMES = (
    "{}", "{}", "{}", "{}", "Note: {}", "P.S. {}", "<!-- {} -->", "# {}", "// {}", "| {} |", '"{}"', "--\n{}",
    "({})", "[{}]", "IMPORTANT: {}", "Also: {}", "One more thing. {}", "Before you answer: {}",
    "After that, {}", "* {}", "{} Thank you.", "Reminder: {}", "Message to the assistant: {}", "Please {}",
    "Additionally, {}", "AI: {}", "User: {}", "{} This is important.",
)  # fmt: skip


class Planter:
    """Puts instructions at the start, in the middle or at the end of a context."""

    def __init__(self, seed: int, *, window: int | None) -> None:
        """Take `window` characters of each context; None takes it whole."""
        self._chance = random.Random(seed)
        self._window = window

    def plant(self, context: str, instruction: str) -> str:
        """Return the context with the instruction in it, in one of many frames."""
        text = self._chance.choice(_FRAMES).format(instruction)
        room = None if self._window is None else max(80, self._window - len(text))
        context = self._cut(context, room)
        breaks = [number + 1 for number, letter in enumerate(context) if letter in "\n.|"] or [len(context)]
        place = self._chance.choice((0, len(context), self._chance.choice(breaks)))
        glue = "\n" if "\n" in context or self._chance.random() < 0.3 else " "
        return f"{context[:place].rstrip()}{glue}{text}{glue}{context[place:].lstrip()}".strip()

    def excerpt(self, context: str) -> str:
        """Return the context as it was, as long as a planted one."""
        return self._cut(context, self._window).strip()

    def _cut(self, context: str, room: int | None) -> str:
        if room is None or len(context) <= room:
            return context
        start = self._chance.randrange(len(context) - room)
        return context[start : start + room]


def disguise(text: str, chance: random.Random) -> str:
    """Return the text, disguised so that a filter does not read it."""
    return chance.choice((_leet, _lookalikes, _invisible, str.upper, _noise, _spaced, _misspelt))(text)


def _leet(text: str) -> str:
    return text.lower().translate(_LEET)


def _lookalikes(text: str) -> str:
    return text.translate(_LOOKALIKES)


def _invisible(text: str) -> str:
    return "".join(
        letter + (_INVISIBLE[number % 5] if number % 3 == 0 else "") for number, letter in enumerate(text)
    )


def _noise(text: str) -> str:
    return " ".join(
        word + (" " + "._;:,"[number % 5] if number % 4 == 1 else "") for number, word in enumerate(text.split())
    )


def _spaced(text: str) -> str:
    return "   ".join(text.split())


def _misspelt(text: str) -> str:
    words = text.split()
    return " ".join(w[0] + w[2] + w[1] + w[3:] if len(w) > 4 and n % 3 == 0 else w for n, w in enumerate(words))
