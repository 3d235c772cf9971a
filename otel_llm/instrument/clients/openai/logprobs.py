"""The log-probabilities of an answer's tokens, where a response carries them: numbers, nothing of the texts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, Final

from opentelemetry.util.types import AttributeValue

from otel_llm import names
from otel_llm.instrument.clients.formats.fields import fields_of, number

_MAX_TOKENS: Final = 1_000  # 9 kB on a span
# What servers say of a token that is none of their likeliest, for JSON knows no -Infinity: "logprob" of a chat
# completion in the OpenAI API reference, read in November 2026.
_UNKNOWN: Final = -9999.0


class Logprobs:
    """The numbers of one answer, as they come."""

    def __init__(self) -> None:
        self._found: list[float] = []

    def add_chat(self, said: Any) -> None:
        """Take what a choice of a chat says of its tokens, or of those of a refusal."""
        held = _fields(said)
        self.add_tokens(held.get("content"))
        self.add_tokens(held.get("refusal"))

    def add_tokens(self, tokens: Any) -> None:
        """Take a list of tokens, each an object with its `logprob`."""
        if isinstance(tokens, list | tuple):
            self.add(_fields(token).get("logprob") for token in tokens)

    def add_completion(self, said: Any) -> None:
        """Take what a choice of a completion says of its tokens."""
        values = _fields(said).get("token_logprobs")
        self.add(values if isinstance(values, list | tuple) else ())

    def add(self, values: Iterable[Any]) -> None:
        """Take numbers; what is none, as of a prompt's first token, is left out."""
        found = (max(value, _UNKNOWN) for value in values if number(value) is not None)
        # the upper bound is no rule of logarithms: it keeps out NaN, and integers that no double holds
        sane = (float(value) for value in found if value < -_UNKNOWN)
        self._found.extend(islice(sane, _MAX_TOKENS - len(self._found)))

    def attributes(self) -> Mapping[str, AttributeValue]:
        """Return them as the span's attribute; none where there are none."""
        return {names.RESPONSE_LOGPROBS: self._found} if self._found else {}


def _fields(value: Any) -> Mapping[str, Any]:
    # the client leaves as mappings what is not of its own types
    return value if isinstance(value, Mapping) else fields_of(value)
