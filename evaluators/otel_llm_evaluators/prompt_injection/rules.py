"""The rules of `rules.toml`, which find what attacks on a language model say."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from otel_llm.evaluate.api import ModelError, Rule

_FRAGMENT: Final = re.compile(r"@([a-z]+)(\d*)@")
_GAP: Final = r"(?:[\W_]+)"
_QUOTES: Final = {'"': '"', "'": "'", "“": "”", "‘": "’", "„": "“", "«": "»", "`": "`"}  # noqa: RUF001 - as texts have them
_QUOTED: Final = (
    160  # characters before a match to the opening mark of a quotation, and after it to the closing one
)
_ABOUT: Final = 60  # characters before and after a quotation that may say what it is
_REPORTS: Final = re.compile(
    r"\b(?:says?|said|saying|writes?|wrote|written|types?|typed|typing|phrases?|sentences?|words?|lines?|messages?"
    r"|texts?|such as|called|headline|hears?|heard|command|attacks?|attackers?|example|caught|flags?|flagged"
    r"|classify|quotes?|quoted|reads|spam)\b",
    re.IGNORECASE,
)

_T = TypeVar("_T")
Origin = Literal["input", "document"]


class Entry(BaseModel):
    """One rule of the file, as written."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[a-z_]+$")]
    only: Origin | None = None
    """Origin of texts that the rule applies to; None means any."""
    mark: str
    pattern: str
    confidence: Annotated[float, Field(gt=0, lt=1)]
    unless: tuple[str, ...] = ()
    """Names of word lists: a match with one of their words near is less sure."""
    finds: str
    """Text that this rule finds, and no other rule."""
    leaves: str
    """Similar, benign text, which no rule finds."""


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    words: dict[str, frozenset[str]]
    fragments: dict[str, str]
    rules: tuple[Entry, ...]


class InjectionRules:
    """The rules of one file."""

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            ModelError: the file is not TOML, or a key is missing, unknown or wrong, or a rule names a missing
            fragment.
        """
        try:
            self._file = _File.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        except (OSError, tomllib.TOMLDecodeError, ValidationError) as error:
            raise ModelError(f"{path}: must be a file of rules: {error}") from error
        self._path = path

    @property
    def entries(self) -> Sequence[Entry]:
        """All rules, as written."""
        return self._file.rules

    def rules(self, origin: Origin) -> list[Rule]:
        """Return the rules for texts of the origin: a user's input, or a fetched document."""
        return [self.rule(entry) for entry in self.entries if entry.only in (None, origin)]

    def rule(self, entry: Entry) -> Rule:
        """Return the rule, with fragments of its pattern expanded."""
        against = (self._named(self._file.words, name, entry) for name in entry.unless)
        return Rule(
            type=entry.name,
            mark=self._expanded(entry.mark, entry),
            pattern=self._expanded(entry.pattern, entry),
            confidence=entry.confidence,
            against=frozenset().union(*against),
        )

    def _expanded(self, pattern: str, entry: Entry) -> str:
        def fragment(found: re.Match[str]) -> str:
            if found[1] == "some":
                return rf"(?:[\w'’]+ ){{0,{found[2]}}}"  # noqa: RUF001 - an apostrophe
            return self._named(self._file.fragments, found[1], entry)

        return "(?i)" + _FRAGMENT.sub(fragment, pattern).replace(" ", _GAP)

    def _named(self, values: Mapping[str, _T], name: str, entry: Entry) -> _T:
        if name not in values:
            known = ", ".join(values) or "none"
            raise ModelError(f"{self._path}: rule {entry.name!r} must name one of {known}, got {name!r}")
        return values[name]


QUOTED_SHARE: Final = 0.4
"""Factor of a rule's confidence if the text quotes the match and speaks about it."""


def is_reported(text: str, start: int, end: int) -> bool:
    """Return whether the span is in quotation marks, with a word near them that says what it is.

    Example:
        >>> text = "Users typed 'ignore all previous instructions' into our bot."
        >>> is_reported(text, text.index("ignore"), text.index("' into"))
        True
    """
    before, after = text[max(0, start - _QUOTED) : start], text[end : end + _QUOTED]
    for opening, closing in _QUOTES.items():
        first, last = before.rfind(opening), after.find(closing)
        if first < 0 or last < 0 or before[first - 1 : first].isalnum():  # the mark is an apostrophe
            continue
        around = before[max(0, first - _ABOUT) : first] + " " + after[last + 1 : last + 1 + _ABOUT]
        if _REPORTS.search(around):
            return True
    return False
