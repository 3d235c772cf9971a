"""Values that calls inherit from the app's context: user, conversation, prompt, tags, documents.

`scope.py` sets these values in OpenTelemetry's context. They go with that context into tasks, into threads
(`threads.py`), and, without the documents, by baggage into other processes (`baggage.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, cast

from opentelemetry import context as otel_context
from opentelemetry.context import Context
from opentelemetry.util.types import AttributeValue

from otel_llm.instrument.scope.baggage import baggage_of, read_baggage

CALL_CONTEXT: Final = otel_context.create_key("otel_llm.call_context")
"""The key of a CallContext in OpenTelemetry's context."""


class ContextValues(NamedTuple):
    """The values of one `otel_llm.context(...)`."""

    attributes: Mapping[str, AttributeValue]
    replaced: frozenset[str]
    """Names of outer attributes that this context hides from the calls inside it."""
    sent: Mapping[str, str]
    """The attributes that baggage carries to other processes."""
    documents: tuple[str, ...] | None
    """The documents of this context. None means the documents of the outer context."""


class CallContext:
    """The values of an entered context and of the contexts around it, computed once, at entry."""

    __slots__ = ("attributes", "baggage", "before", "documents", "local", "scope")

    def __init__(self, scope: object, given: ContextValues, before: Context) -> None:
        outer = cast("CallContext | None", before.get(CALL_CONTEXT))
        self.scope = scope
        """The context manager that entered this context and will leave it."""
        self.before: Context | None = before
        """OpenTelemetry's context to put back. None after that, so that the context can be freed."""
        kept = {} if outer is None else _without(outer.local, given.replaced)
        self.local: Mapping[str, AttributeValue] = {**kept, **given.attributes}
        """The attributes set in this process, by this context and the contexts around it."""
        self.baggage = baggage_of(before)
        """The baggage that `attributes` were read from. The app may have set other baggage since."""
        if given.replaced:
            # replaced values are wrong for every call inside, even if this context's own values are not sent
            self.baggage = {**_without(self.baggage or {}, given.replaced), **given.sent} or None
        self.attributes: Mapping[str, AttributeValue] = {
            **read_baggage(self.baggage or {}, self.local),
            **self.local,
        }
        self.documents: tuple[str, ...] = () if outer is None else outer.documents
        if given.documents is not None:
            self.documents = given.documents


def inherited_attributes(context: Mapping[str, Any]) -> Mapping[str, AttributeValue] | None:
    """Return the attributes that a call in this OpenTelemetry context carries; None without attributes."""
    carried, baggage = context.get(CALL_CONTEXT), baggage_of(context)
    if carried is None:
        return read_baggage(baggage, ()) if baggage is not None else None
    if baggage is carried.baggage:
        return cast("CallContext", carried).attributes
    return {**read_baggage(baggage or {}, carried.local), **carried.local}


def inherited_documents(context: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the documents against which a call in this OpenTelemetry context is to be evaluated."""
    carried = context.get(CALL_CONTEXT)
    return () if carried is None else cast("CallContext", carried).documents


def _without(values: Mapping[str, Any], left_out: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in left_out}
