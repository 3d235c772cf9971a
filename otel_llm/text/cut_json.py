"""JSON that ends too early: limits on the length of attributes cut texts wherever they have reached."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_MAX_DEPTH: Final = 100
_MARKER_CHARACTERS: Final = 80
_CLOSING: Final = {"[": "]", "{": "}"}

_TOKEN: Final = re.compile(
    r"""[ \t\r\n]*+(?:
        (?P<open>[\[{]) | (?P<close>[\]}]) | (?P<punctuation>[,:])
        | (?P<string>"[^"\\]*+(?:\\(?:u[0-9a-fA-F]{4}|[^u])[^"\\]*+)*+)(?P<quote>"?)
        | -?[0-9][0-9.eE+-]*+ | true | false | null | NaN | -?Infinity
    )""",
    re.VERBOSE,
)
_PART_OF_ESCAPE: Final = re.compile(r"\\(?:u[0-9a-fA-F]{0,3})?")
_HALF_PAIR: Final = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\Z")
_MARKER: Final = re.compile(
    r"""\s{0,4}\ufffd?(?:\.{3}|…)?\s{0,4}
    (?:[\[(<{*]{1,3}\s?(?:\w{1,16}\s){0,4}truncated(?:[\s:][^\])>}*]{0,40})?[\])>}*]{1,3})?\s{0,4}\Z""",
    re.VERBOSE | re.IGNORECASE,
)
"""What is put behind a text that was cut: an ellipsis, `[truncated]`, `<truncated 12 characters>`."""


class CompletedJson(NamedTuple):
    """The beginning of JSON, completed."""

    text: str
    """Complete JSON. A text that was cut is there as far as it went."""
    is_cut: bool
    """True if only the end was missing. False: the rest was malformed, and is left out."""


def complete_json(text: str) -> CompletedJson | None:
    """Return the longest beginning of `text` that closing brackets complete; None if no text is in it.

    A name without its value and a number at the cut are left out: the number may go on. Time is linear.

    >>> complete_json('[{"role": "user", "content": "Where is my ord')
    CompletedJson(text='[{"role": "user", "content": "Where is my ord"}]', is_cut=True)
    >>> complete_json("[see below]") is None
    True
    """
    marker = _MARKER.search(text, max(0, len(text) - _MARKER_CHARACTERS))
    end = marker.start() if marker else len(text)
    opened: list[str] = []
    position, kept, tail, previous, has_text = 0, 0, "", "", False
    while (token := _TOKEN.match(text, position, end)) and len(opened) <= _MAX_DEPTH:
        is_name = token["string"] and opened and opened[-1] == "{" and previous in {"{", ","}
        if token["close"]:
            if previous == ",":
                break
            if not opened or _CLOSING[opened.pop()] != token["close"]:
                return None
        elif token["open"]:
            opened.append(token["open"])
        elif token["string"]:
            has_text = True
            if not token["quote"]:
                position = token.end()
                if not is_name:
                    kept, tail = position, '"'
                break
        elif not token["punctuation"] and token.end() == end:
            position = end  # the number may go on
            break
        position, previous = token.end(), token[0].lstrip()[:1]
        if not token["punctuation"] and not is_name:
            kept = position
    if not has_text or len(opened) > _MAX_DEPTH:
        return None
    rest = text[position:end].strip()
    closing = tail + "".join(_CLOSING[bracket] for bracket in reversed(opened))
    read = _HALF_PAIR.sub("", text[:kept]) if tail else text[:kept]
    return CompletedJson(read + closing, is_cut=not rest or bool(_PART_OF_ESCAPE.fullmatch(rest)))
