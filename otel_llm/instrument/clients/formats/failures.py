"""Failures that a response reports by itself, although its status is 200."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from otel_llm.instrument.clients.formats.fields import fields_of, listed, text_of

_UNNAMED: Final = "error"
_CODE_LIMIT: Final = 64  # characters; a longer text, or one with spaces, is a sentence and no code


def error_type_of(response: Mapping[str, Any], *, is_answer: bool = True) -> str | None:
    """Return the kind of error in the fields of a response, or of an event; None if they report no error.

    Forms: `{"error": {"code": 502}}` (OpenAI's, with variants), `{"object": "error", "code": 400}` (vLLM),
    `{"type": "error", "error": {"type": "overloaded_error"}}` (Anthropic), `{"base_resp": {"status_code": 1008}}`
    (MiniMax); where there is no answer, also `{"code": 1113}` and `{"errors": [{"code": 7003}]}` of gateways.
    """
    if error := response.get("error"):
        return code_of(error) or _UNNAMED
    if response.get("object") == "error" or response.get("type") == "error":
        return code_of(response) or _UNNAMED
    if (status := response.get("base_resp")) is not None and (code := fields_of(status).get("status_code")):
        return _word(code)
    if is_answer:
        return None
    return next(filter(None, map(_code, (response, *listed(response.get("errors"))))), None)


def code_of(error: Any) -> str | None:
    """Return the code of an error object, else its type; None without either."""
    return _code(error) or _word(fields_of(error).get("type"))


def _code(error: Any) -> str | None:
    return _word(fields_of(error).get("code"))


def _word(value: Any) -> str | None:
    """Return a code, which may be a number; None for a sentence, which would make too many labels."""
    if type(value) is int:
        return str(value)
    word = text_of(value)
    return word if word and len(word) <= _CODE_LIMIT and " " not in word else None
