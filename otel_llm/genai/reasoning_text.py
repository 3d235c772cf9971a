"""Reasoning inside the text of an answer, as models write it where no server takes it out.

A block is `<think>…</think>` or of another pair of tags. A model's template may have written its beginning, and a
limit of tokens may have cut its end: a block that only ends begins with the text, and one that never ends is all
of the rest. A tag in code, or in the middle of a sentence, is what the answer speaks of.

Sources: the reasoning parsers of vLLM and SGLang. The channels of gpt-oss are in `harmony_text.py`.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from otel_llm.genai.call import Part, PartType

_TAG: Final = (
    r"<\|?\s{0,8}(?P<slash>/?)\s{0,8}(?P<word>think|thinking|reasoning|thoughts?|seed:think|antthinking|scratchpad"
    r"|inner[_-]?(?:monologue|thoughts?))\s{0,8}\|?>"
    r"|◁(?P<kimi>/?)think▷"
    r"|\[(?P<mistral>/?)THINK\]"
    r"|<\|(?P<cohere>START|END)_THINKING\|>"
    r"|<\|(?P<thought>begin|end)_of_thought\|>"
    r"|<(?P<gemma>\|channel>(?:thought\n)?|channel\|>)"
)
_TAGS: Final = re.compile(_TAG, re.IGNORECASE)
_TAGS_AND_CODE: Final = re.compile(
    rf"{_TAG}|^[ \t]{{0,3}}(?P<fence>`{{3,}}|~{{3,}})|(?P<ticks>`+)", re.IGNORECASE | re.MULTILINE
)
_MAX_CODE_SPAN: Final = 1000
"""Characters between two backticks on which a tag counts as code."""
_INVISIBLE: Final = " \t\ufeff\u200b"
_BLANK: Final = f"{_INVISIBLE}\r\n"
_SENTENCE_ENDS: Final = frozenset(".!?…\u3002\uff01\uff1f")
_QUOTES: Final = frozenset("`'\"\u201c\u201d\u2018\u2019«»")


def split_reasoning(text: str) -> list[Part]:
    """Return the parts of an answer's text: reasoning, and the texts beside it; one text if it has no reasoning.

    >>> [(part.type, part.text) for part in split_reasoning("<think>2 + 2?</think>It is 4.")]
    [('reasoning', '2 + 2?'), ('text', 'It is 4.')]
    """
    if not _TAGS.search(text):
        return [Part("text", text)]
    parts: list[Part] = []
    end = 0
    for start, inner, inner_end, block_end in _Blocks(text).found():
        parts += _part("text", text[end:start]) + _part("reasoning", text[inner:inner_end])
        end = block_end
    return parts + _part("text", text[end:]) if end else [Part("text", text)]


def _part(kind: PartType, text: str) -> list[Part]:
    return [Part(kind, stripped)] if (stripped := text.strip(_BLANK)) else []


class _Blocks:
    """The blocks of one text. Every step looks at a part of the text once, so that the time is linear."""

    def __init__(self, text: str) -> None:
        self._text = text
        # not the tags in backticks that a block's reasoning speaks of
        ends = [tag for tag in _TAGS.finditer(text) if _closes(tag) and not text.startswith("`", tag.end())]
        self._ends: defaultdict[str, list[re.Match[str]]] = defaultdict(list)
        """The tags that end a block: by word, and all of them under an empty word."""
        for tag in ends:
            self._ends[_word(tag)].append(tag)
        self._ends[""] = ends

    def found(self) -> Iterator[tuple[int, int, int, int]]:
        """Yield the start of each block, of its reasoning, the end of its reasoning, and of the block."""
        text, position, boundary, may_only_end = self._text, 0, 0, True
        while token := _TAGS_AND_CODE.search(text, position):
            position = token.end()
            if token["fence"] or token["ticks"]:
                position = self._after_code(token)
            elif _closes(token):
                if may_only_end and self._only_ends(token):
                    yield 0, 0, token.start(), token.end()
                    boundary, may_only_end = token.end(), False
            else:
                end = self._end_of(token)
                if self._begins(token, boundary, closed=end is not None):
                    position = end.end() if end else len(text)
                    yield token.start(), token.end(), end.start() if end else position, position
                    boundary = position
                may_only_end = False

    def _after_code(self, token: re.Match[str]) -> int:
        marks = token["fence"] or token["ticks"]
        if token["fence"]:
            closing = re.compile(rf"^[ \t]{{0,3}}{re.escape(marks)}", re.MULTILINE).search(self._text, token.end())
            return closing.end() if closing else len(self._text)
        until = token.end() + _MAX_CODE_SPAN
        closing = re.compile(rf"(?<!`){marks}(?!`)").search(self._text, token.end(), until)
        return closing.end() if closing else token.end()

    def _end_of(self, token: re.Match[str]) -> re.Match[str] | None:
        """Return the next tag that ends a block of that word, or without one a block of any word."""
        for word in (_word(token), ""):
            ends = self._ends[word]
            index = bisect_left(ends, token.end(), key=re.Match.start)
            if index < len(ends):
                return ends[index]
        return None

    def _begins(self, token: re.Match[str], boundary: int, *, closed: bool) -> bool:
        """Return True if a tag begins a block: where a text or line begins, or a sentence has ended."""
        before = self._text[max(boundary, token.start() - _MAX_CODE_SPAN) : token.start()].strip(_INVISIBLE)
        return not before or before.endswith("\n") or (closed and before[-1] in _SENTENCE_ENDS)

    def _only_ends(self, token: re.Match[str]) -> bool:
        """Return True if a tag ends what the text began with: after a sentence or line, or within a word."""
        text, start, end = self._text, token.start(), token.end()
        before = text[max(0, start - _MAX_CODE_SPAN) : start].rstrip(" \t")
        if not before or before[-1] == "\n" or before[-1] in _SENTENCE_ENDS:
            return True
        neighbours = {text[start - 1], text[end : end + 1]}
        return not text[start - 1].isspace() and neighbours.isdisjoint(_QUOTES)


def _closes(tag: re.Match[str]) -> bool:
    return bool(
        tag["slash"] or tag["kimi"] or tag["mistral"] or (tag["gemma"] or "").startswith("c")
        or "end" in {(tag["cohere"] or "").lower(), (tag["thought"] or "").lower()}
    )  # fmt: skip


def _word(tag: re.Match[str]) -> str:
    """Return what the two tags of a block have in common."""
    return tag["word"].lower() if tag["word"] else str(tag.lastgroup)
