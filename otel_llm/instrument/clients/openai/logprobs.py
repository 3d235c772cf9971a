"""The log-probabilities of an answer's tokens, if the response has them: numbers, without any texts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, Final

from opentelemetry.util.types import AttributeValue

from otel_llm import names
from otel_llm.instrument.clients.formats.fields import fields_of, number

_MAX_TOKENS: Final = 1_000  # log-probabilities, which take 9 kB on a span
# The value that servers send for a token outside their likeliest, as JSON has no -Infinity: "logprob" of a chat
# completion in the OpenAI API reference, read in November 2026.
_UNKNOWN: Final = -9999.0


class Logprobs:
    """The log-probabilities of one answer, in order."""

    def __init__(self) -> None:
        self._found: list[float] = []

    def add_chat(self, said: Any) -> None:
        """Add the tokens of a chat's choice, or of its refusal."""
        held = _fields(said)
        self.add_tokens(held.get("content"))
        self.add_tokens(held.get("refusal"))

    def add_tokens(self, tokens: Any) -> None:
        """Add a list of tokens, each an object with its `logprob`."""
        if isinstance(tokens, list | tuple):
            self.add(_fields(token).get("logprob") for token in tokens)

    def add_completion(self, said: Any) -> None:
        """Add the tokens of a completion's choice."""
        values = _fields(said).get("token_logprobs")
        self.add(values if isinstance(values, list | tuple) else ())

    def add(self, values: Iterable[Any]) -> None:
        """Add numbers. Other values, such as the null of a prompt's first token, are left out."""
        found = (max(value, _UNKNOWN) for value in values if number(value) is not None)
        # the upper bound keeps out NaN, and integers that no double can hold
        sane = (float(value) for value in found if value < -_UNKNOWN)
        self._found.extend(islice(sane, _MAX_TOKENS - len(self._found)))

    def attributes(self) -> Mapping[str, AttributeValue]:
        """Return the span's attribute; no attribute without log-probabilities."""
        return {names.RESPONSE_LOGPROBS: self._found} if self._found else {}


def _fields(value: Any) -> Mapping[str, Any]:
    # the client leaves data without a class of its own as mappings
    return value if isinstance(value, Mapping) else fields_of(value)
