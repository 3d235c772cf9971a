"""Marks in an answer that are no words of it: citations, emphasis, list numbers, links, code fences."""

from __future__ import annotations

import re
from typing import Final

FILE: Final = r"[\w.%/-]{1,80}\.(?:pdf|md|mdx|rst|txt|html?|docx?|xlsx?|pptx?|csv|tsv|json|ya?ml|xml|epub)\b"
"""Pattern of the name of a document's file."""
_CITED: Final = (
    r"(?:sources?|refs?|references?|citations?|cited|docs?|documents?|contexts?|passages?|chunks?|pages?)"
)

_MARKS: Final = re.compile(
    "|".join(
        (
            r"^[ \t]*(?:`{3,}|~{3,})[^\n`]*$",  # a code fence
            r"<sup>[^<>\n]{1,20}</sup>|</?[a-zA-Z][^<>\n]{0,80}>",
            r"\[\s?\^?\d{1,3}(?:\s?[,;\u2013-]\s?\^?\d{1,3})*\s?\](?!\()",
            r"\[\^[\w-]{1,30}\]",
            rf"\[{_CITED}\s?[#._-]?\s?\d{{1,4}}(?:[,;\s]+[\w#. -]{{1,20}})*\]",
            rf"\[(?:{_CITED}|see|from)\s?:\s?[^\[\]\n]{{1,100}}\]",
            rf"\[(?:[^\[\]\n]{{0,40}}\s)?{FILE}[^\[\]\n]{{0,60}}\]",
            r"\[p(?:p|ages?)?\.?\s?\d[^\[\]\n]{0,20}\]",
            r"【[^【】\n]{1,80}】",
            rf"\((?:{_CITED}\s?:\s?|(?:see|see also|cf\.)\s)(?:[^()\n]{{1,100}}|\([^()\n]{{0,80}}\))\)",
            rf"\({_CITED}\s?[#._-]?\s?\d{{1,4}}\)",
            rf"\((?:[^()\n]{{0,40}}\s)?{FILE}[^()\n]{{0,60}}\)",
            r"\(p(?:p|ages?)?\.?\s?\d[^()\n]{0,20}\)",
            r"\(https?://[^()\s]{1,500}\)|<https?://[^<>\s]{1,500}>",
            r"(?:(?<=[^\W\d_]{3})|(?<=[.,;:!?)\"”]))[⁰¹²³⁴-⁹]+(?:[\u02d2,⁻][⁰¹²³⁴-⁹]+)*",
            r"[†‡]",
            r"(?<!\d)\*{1,3}(?=\S)|(?<=\S)\*{1,3}(?!\d)|(?<!\w)_{1,3}(?=\S)|(?<=\S)_{1,3}(?!\w)|~~|`+",
        )
    ),
    re.MULTILINE | re.IGNORECASE,
)
_MAY_HAVE: Final = re.compile(r"[\[(<>*_`~【†‡¹²³⁰⁴-⁹]")
_CITING_LINK: Final = re.compile(
    r"!\[[^\[\]\n]{0,200}\]\([^()\s]{1,500}\)"  # an image
    r"|\[(?:\W{0,3}\d{1,3}|sources?|links?|here|ref|see)\W?\]\([^()\s]{1,500}\)",
    re.IGNORECASE,
)
_LINK: Final = re.compile(r"\[([^\[\]\n]{1,200})\]\([^()\s]{1,500}\)")
_EMPTY: Final = re.compile(r"[(\[][ ]*[)\]]")
_ITEM: Final = re.compile(
    r"^[ \t>]*(?:(?:[-+*•‣◦▪●·–—]|\(?\d{1,3}(?:\.\d{1,3}){0,3}[.):]|\(?[a-z][.)]"  # noqa: RUF001 - an en dash
    r"|\(?[ivx]{1,5}[.)]|[A-Z]\)|(?:step|point)\s\d{1,2}\s?[.):-]|\d\ufe0f?\u20e3)[ \t]+)+(?:\[[ xX]\][ \t]+)?",
    re.MULTILINE | re.IGNORECASE,
)
_QUOTE: Final = re.compile(r"^[ \t]*>[> \t]*", re.MULTILINE)


def item_mark(line: str) -> int:
    """Return the length of the mark that makes the line an item of a list; 0 for another line."""
    return match.end() if (match := _ITEM.match(line)) else 0


def unmarked(text: str) -> str:
    """Return the text with spaces in place of its marks, so that places in it stay the same."""
    if not _MAY_HAVE.search(text):
        return text
    text = _QUOTE.sub(_blank, text)
    text = _CITING_LINK.sub(_blank, text)
    text = _LINK.sub(lambda match: f" {match[1]}{' ' * (len(match[0]) - len(match[1]) - 1)}", text)
    return _EMPTY.sub(_blank, _MARKS.sub(_blank, text))


def tidy(plain: str) -> str:
    """Return the text with single spaces, and none before punctuation."""
    text = " ".join(plain.split())
    for mark in ".,;:!?":
        text = text.replace(f" {mark}", mark)
    return text


def _blank(match: re.Match[str]) -> str:
    return " " * len(match[0])
