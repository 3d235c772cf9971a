"""The inherited values in OpenTelemetry's baggage: for other processes, but not for providers of models.

Only our own keys are read. Baggage may come from outside, so the size of values read is bounded. Values written
are bounded in the same way, because W3C's propagator logs a warning for each entry that exceeds its limit.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Collection, Mapping
from contextvars import Token
from typing import Any, Final

from opentelemetry import context as otel_context
from opentelemetry.context import Context
from opentelemetry.util.types import AttributeValue

from otel_llm import names
from otel_llm.instrument.guard import guarded

_KEYS: Final = frozenset({names.USER_ID, names.CONVERSATION_ID, names.PROMPT_NAME, names.PROMPT_VERSION})
_TAGS_LIMIT: Final = 32
# Characters. Percent-encoded, a character takes at most 12; an entry of W3C's propagator has at most 4,096.
_TAG_LIMIT: Final = 64
_VALUE_LIMIT: Final = 256

_key: str | None = None


def baggage_of(context: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return a context's baggage; None without baggage."""
    key = _key or _find_key()
    baggage = context.get(key) if key is not None else None
    return baggage if isinstance(baggage, dict) and baggage else None


def read_baggage(baggage: Mapping[str, Any], local: Collection[str]) -> dict[str, AttributeValue]:
    """Return the attributes in baggage that `local` does not set: strings within the limit of length."""
    # a version belongs to the prompt set beside it
    known = {names.PROMPT_VERSION, *local} if names.PROMPT_NAME in local else local
    found: dict[str, AttributeValue] = {}
    tags = 0
    for name, value in baggage.items():
        if name in known or not _is_ours(name) or (text := _text(value)) is None:
            continue
        if name not in _KEYS:
            if tags == _TAGS_LIMIT or not _is_tag(name):
                continue
            tags += 1
        found[name] = text
    return found


def sendable(attributes: Mapping[str, AttributeValue]) -> dict[str, str]:
    """Return the attributes to put into baggage: those that `read_baggage` at the other end would accept."""
    texts: dict[str, str] = {}
    for name, value in attributes.items():
        if (name in _KEYS or _is_tag(name)) and (text := _text(value)) is not None:
            texts[name] = text
    return texts


def with_baggage(context: dict[str, Any], baggage: Mapping[str, Any] | None) -> None:
    """Put baggage into the values of a new context."""
    from opentelemetry.baggage import _BAGGAGE_KEY  # noqa: PLC0415 - slow, and only for who sets a context

    context[_BAGGAGE_KEY] = baggage or {}


def without_baggage(context: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the context without our keys in its baggage, for requests to a provider's server."""
    baggage = baggage_of(context)
    if baggage is None or not any(map(_is_ours, baggage)):
        return context
    kept: dict[str, Any] = {name: value for name, value in baggage.items() if not _is_ours(name)}
    return {**context, str(_key): kept}


class baggage_withheld:  # noqa: N801 - used as contextlib's are
    """A context manager inside which the current baggage lacks our keys."""

    __slots__ = ("_token",)

    @guarded("withholding baggage")
    def __enter__(self) -> None:
        self._token: Token[Context] | None = None
        context = otel_context.get_current()
        withheld = without_baggage(context)
        if withheld is not context:
            self._token = otel_context.attach(Context(withheld))

    @guarded("putting baggage back")
    def __exit__(self, *_: object) -> None:
        # a dropped coroutine is closed outside its own context, where there is nothing to put back
        if self._token is not None:
            with contextlib.suppress(ValueError):
                self._token.var.reset(self._token)


def _find_key() -> str | None:
    """Return the key of baggage in a context; None if the baggage module is not imported: no baggage is set."""
    global _key  # noqa: PLW0603 - made when the module is imported, whose import takes longer than ours
    _key = getattr(sys.modules.get("opentelemetry.baggage"), "_BAGGAGE_KEY", None)
    return _key


def _is_ours(name: str) -> bool:
    return name in _KEYS or name.startswith(names.TAG_PREFIX)


def _is_tag(name: str) -> bool:
    return 0 < len(name) - len(names.TAG_PREFIX) <= _TAG_LIMIT


def _text(value: object) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str | int | float):
        return None
    text = str(value)
    return text if len(text) <= _VALUE_LIMIT else None
