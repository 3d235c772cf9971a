"""Redaction of content: the ready patterns, and the app's own functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from otel_llm.errors import RedactionError

Redact = Callable[[str], str]


class Redaction:
    """The patterns that entries name, then the functions among them, each in order.

    Every method raises RedactionError if a function fails, so that nothing is recorded unredacted.
    """

    def __init__(self, entries: Sequence[str | Redact]) -> None:
        from otel_llm.text import pattern_redaction  # noqa: PLC0415 - its expressions take long to compile

        names = [entry for entry in entries if isinstance(entry, str)]
        functions = [entry for entry in entries if not isinstance(entry, str)]
        self._functions = [pattern_redaction.redact_patterns(names), *functions]
        self._redact_labelled = pattern_redaction.redact_labelled if "key" in names else None

    def __call__(self, text: str) -> str:
        """Return the redacted text."""
        for function in self._functions:
            text = _applied(function, text)
        return text

    def labelled(self, label: str, text: str) -> str:
        """Return the text, which is the value of a field, without a secret that the field's name tells of."""
        return self._redact_labelled(label, text) if self._redact_labelled else text


def redaction(entries: Sequence[str | Redact]) -> Redaction | None:
    """Return the redaction that the entries describe; None without entries."""
    return Redaction(entries) if entries else None


def _applied(function: Redact, text: str) -> str:
    try:
        redacted = function(text)
    except Exception as error:
        # neither the error's text nor its traceback: both may hold the very content to redact
        raise RedactionError(
            f"the function for redact raised {type(error).__name__}; the content of the call is not recorded"
        ) from None
    if not isinstance(redacted, str):
        raise RedactionError(
            f"the function for redact must return a text, got {type(redacted).__name__}; "
            "the content of the call is not recorded"
        )
    return redacted
