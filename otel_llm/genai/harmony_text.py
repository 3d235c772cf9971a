"""The channels of gpt-oss in the text of an answer, as servers show them that do not take the format apart.

`<|channel|>analysis<|message|>…<|end|><|start|>assistant<|channel|>final<|message|>…<|return|>`: `final` is the
answer, `analysis` is reasoning, and `commentary` is a tool call if it has a recipient, else a text for the user.
A server that drops special tokens leaves `analysis…assistantfinal…`.

Sources: docs/format.md of openai/harmony; for the form without tokens, sgl-project/sglang#9190.
"""

from __future__ import annotations

import re
from typing import Final

from otel_llm.genai.call import Part

_START: Final = re.compile(r"\s*+(?:<\|start\|>[^<]{0,100})?<\|channel\|>")
_CHANNEL: Final = re.compile(
    r"(?:<\|start\|>(?P<role>[^<]{0,100}))?<\|channel\|>\s{0,4}(?P<channel>\w{1,32})(?P<header>[^<]{0,200})"
    r"(?:<\|constrain\|>[^<]{0,50})?<\|message\|>"
)
_END: Final = re.compile(r"<\|(?:end|return|call|start|channel)\|>")
WITHOUT_TOKENS: Final = "assistantfinal"
_RECIPIENT: Final = re.compile(r"\bto=(?:functions\.)?([\w.-]{1,200})")


def split_channels(text: str) -> list[Part] | None:
    """Return the parts of a text that begins with a channel; None if it does not.

    >>> [(part.type, part.text) for part in split_channels("<|channel|>final<|message|>4<|return|>")]
    [('text', '4')]
    """
    if not _START.match(text):
        return _without_tokens(text)
    parts: list[Part] = []
    for found in _CHANNEL.finditer(text):
        end = _END.search(text, found.end())
        said = text[found.end() : end.start() if end else len(text)].strip()
        recipient = _RECIPIENT.search(f"{found['role'] or ''} {found['header']}")
        if recipient:
            parts.append(Part("tool_call", said, recipient[1]))
        elif said:
            parts.append(Part("reasoning" if found["channel"] == "analysis" else "text", said))
    return parts or None


def _without_tokens(text: str) -> list[Part] | None:
    before, found, answer = text.partition(WITHOUT_TOKENS)
    reasoning = before.strip()
    if not found or (reasoning and not reasoning.startswith("analysis")):
        return None
    parts = [Part("reasoning", reasoning.removeprefix("analysis").strip()), Part("text", answer.strip())]
    return [part for part in parts if part.text]
