"""Redaction of content: the ready patterns, and the app's own functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from otel_llm.errors import RedactionError

Redact = Callable[[str], str]


def redaction(entries: Sequence[str | Redact]) -> Redact | None:
    """Return a function that applies the patterns that entries name, then the functions; None without entries.

    The returned function raises RedactionError if an entry fails, so that nothing is recorded unredacted.
    """
    if not entries:
        return None
    from otel_llm.text.pattern_redaction import redact_patterns  # noqa: PLC0415 - takes long to compile

    names = [entry for entry in entries if isinstance(entry, str)]
    functions = [redact_patterns(names), *(entry for entry in entries if not isinstance(entry, str))]

    def redact(text: str) -> str:
        for function in functions:
            text = _applied(function, text)
        return text

    return redact


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
