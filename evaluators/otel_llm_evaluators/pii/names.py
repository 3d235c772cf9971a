"""Names of people, places, peoples and organizations: words with a capital, by lists and by words near them."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from otel_llm.evaluate.api import Finding, ModelError, listed

_TOKEN: Final = re.compile("[^\\W\\d_]+(?:['\u2019-][^\\W\\d_]+)*")
_PARTICLES: Final = listed("af al ap bin da de del della den der di dos du el ibn la le van von zu")
_GREETINGS: Final = listed("hi hello hey dear thanks regards sincerely cheers yours best")
_TITLES: Final = listed("mr mrs ms miss mx dr prof professor sir madam dame rev judge captain herr frau")
_COMPANIES: Final = listed(
    "inc llc ltd limited plc corp corporation gmbh ag company co group holdings bank university college institute"
    " foundation association orchestra hospital ministry agency council partners consulting industries solutions"
)
_LENGTH: Final = 4  # most words in a name
_BEFORE: Final = 40  # characters before a name that say what kind of name it is

_ADDRESSED: Final = re.compile(
    r"\b(?:dear|hi|hello|hey|regards|says|said|told|asked|reply|with|mrs|sincerely|yours|thanks|cheers|i'm|i am"
    r"|this is|meet|user|from|to|cc|by),?:?\s{1,3}\Z",
    re.IGNORECASE,
)
_EMPLOYER: Final = re.compile(
    r"\b(?:work(?:s|ed|ing)? (?:for|at|with)|employed (?:by|at)|hired by|job at|ceo of|founder of|president of"
    r"|employees? of|member of|director (?:of|at)|support(?:ing)?|later became|statement (?:from|of))\s\Z",
    re.IGNORECASE,
)
_WHERE: Final = re.compile(
    r"\b(?:in|from|to|at|near|around|visit|via|of|southern|northern|eastern|western|greater)\s\Z"
)


class _Token(NamedTuple):
    text: str
    start: int
    end: int

    @property
    def word(self) -> str:
        return self.text.lower()

    @property
    def initial(self) -> bool:
        return len(self.text) == 1 and self.text.isupper()


@dataclass(frozen=True, slots=True)
class Lists:
    """The lists of names."""

    first: frozenset[str]
    last: frozenset[str]
    place: frozenset[str]
    nationality: frozenset[str]
    common: frozenset[str]
    """Common words; many are names, too."""

    def given(self, token: _Token) -> bool:
        """Return whether the word is a given name and no common word."""
        return token.word in self.first and token.word not in self.common

    def known(self, token: _Token) -> bool:
        """Return whether the word is a name and no common word."""
        return self.given(token) or (token.word in self.last and token.word not in self.common)

    def unusual(self, token: _Token) -> bool:
        """Return whether the word is neither common nor a nationality."""
        return token.word not in self.common and token.word not in self.nationality

    def goes_on(self, token: _Token) -> bool:
        """Return whether the word can continue a person's name."""
        usual = token.word in self.common and token.word not in self.last
        return token.initial or token.word in _PARTICLES or not (usual or token.word in _COMPANIES)


@cache
def read_lists(path: Path) -> Lists:
    """Return the lists of a file that `evaluators/recipes/pii_names.py` writes.

    Raises:
        ModelError: the file cannot be read.
    """
    try:
        lists = json.loads(gzip.decompress(path.read_bytes()))
        return Lists(**{name: frozenset(words) for name, words in lists.items()})
    except (OSError, EOFError, TypeError, ValueError) as error:
        raise ModelError(f"{path}: must be gzipped JSON with the lists of names: {error}") from error


class Names:
    """Finds names among the words that begin with a capital."""

    def __init__(self, path: Path) -> None:
        """Read the lists, which `evaluators/recipes/pii_names.py` writes.

        Raises:
            ModelError: the file cannot be read.
        """
        self._lists = read_lists(path)

    def find(self, text: str) -> Iterator[Finding]:
        """Yield PERSON, ORGANIZATION, GPE and NRP; findings may overlap."""
        for run in _runs(text):
            yield from self._people(text, run)
            yield from self._organizations(text, run)
            yield from self._places(text, run)
            for token in run:
                if {token.word, token.word.removesuffix("s")} & self._lists.nationality:
                    yield Finding("NRP", token.start, token.end, 0.7)

    def _people(self, text: str, run: Sequence[_Token]) -> Iterator[Finding]:
        index = 0
        while index < len(run):
            name = self._name(run[index : index + _LENGTH])
            titled = index > 0 and run[index - 1].word in _TITLES
            confidence = self._person(name, titled, index == 0 and _said(_ADDRESSED, text, run[0]))
            if confidence:
                yield Finding("PERSON", name[0].start, name[-1].end, confidence)
            index += len(name) if confidence else 1

    def _name(self, words: Sequence[_Token]) -> Sequence[_Token]:
        """Return the leading words that are one name; none if the first word belongs to no name."""
        length = 1
        while length < len(words) and self._lists.goes_on(words[length]):
            length += 1
        while length > 1 and (words[length - 1].word in _PARTICLES or words[length - 1].initial):
            length -= 1
        return words[:length]

    def _person(self, name: Sequence[_Token], titled: bool, addressed: bool) -> float:
        """Return the probability that the name is a person's; 0 without a sign of one."""
        lists, head = self._lists, name[0]
        if head.word in _TITLES or (head.word in _PARTICLES and len(name) == 1):
            return 0.0
        if titled and lists.unusual(head):
            return 0.8
        known = [lists.known(word) for word in name]
        if len(name) == 1:
            base = 0.55 if lists.given(head) else 0.4
            return base + 0.2 * addressed - 0.2 * (head.word in lists.place) if any(known) else 0.0
        if any(known) and (lists.unusual(head) or (head.word in lists.first and any(known[1:]))):
            return 0.8 if head.word in lists.first and sum(known) > 1 else 0.65
        return 0.6 if lists.unusual(head) and any(word.word in _PARTICLES for word in name[1:]) else 0.0

    def _organizations(self, text: str, run: Sequence[_Token]) -> Iterator[Finding]:
        for index in range(len(run) - 1, 0, -1):
            if run[index].word in _COMPANIES:
                yield Finding("ORGANIZATION", run[0].start, run[index].end, 0.7)
                return
        if self._lists.unusual(run[0]) and _said(_EMPLOYER, text, run[0]):
            yield Finding("ORGANIZATION", run[0].start, run[-1].end, 0.82)

    def _places(self, text: str, run: Sequence[_Token]) -> Iterator[Finding]:
        index = 0
        while index < len(run):
            length = self._place(text, run[index : index + _LENGTH])
            if length:
                led = _said(_WHERE, text, run[index])
                yield Finding("GPE", run[index].start, run[index + length - 1].end, 0.75 if led else 0.6)
            index += length or 1

    def _place(self, text: str, words: Sequence[_Token]) -> int:
        """Return the number of leading words that are a place's name, the largest possible; 0 for none."""
        for length in range(len(words), 0, -1):
            name = text[words[0].start : words[length - 1].end].lower()
            if name in self._lists.place and (length > 1 or self._lists.unusual(words[0])):
                return length
        return 0


def _said(what: re.Pattern[str], text: str, token: _Token) -> bool:
    return what.search(text[max(0, token.start - _BEFORE) : token.start]) is not None


def _runs(text: str) -> Iterator[list[_Token]]:
    """Yield runs of words with a capital, separated only by spaces, initials and particles."""
    run: list[_Token] = []
    for match in _TOKEN.finditer(text):
        name = match[0].removesuffix("'s").removesuffix("\u2019s")
        token = _Token(name, match.start(), match.start() + len(name))
        part = name[0].isupper() or (run and token.word in _PARTICLES)
        if token.word in _GREETINGS or not part or (run and not _follows(text, run[-1], token)):
            yield from _trimmed(run)
            run = []
        if token.word not in _GREETINGS and (name[0].isupper() or (run and part)):
            run.append(token)
    yield from _trimmed(run)


def _trimmed(run: list[_Token]) -> Iterator[list[_Token]]:
    """Yield the run without its last particles, if a word is left."""
    while run and not run[-1].text[0].isupper():
        run.pop()
    if run:
        yield run


def _follows(text: str, last: _Token, token: _Token) -> bool:
    between = text[last.end : token.start]
    return between == " " or (between in {". ", "."} and (last.initial or last.word in _TITLES))
