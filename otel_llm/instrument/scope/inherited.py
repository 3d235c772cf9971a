"""Values that calls inherit from the app's context: user, conversation, prompt, tags, documents.

`scope.py` sets it. It lies in OpenTelemetry's context, and goes where that goes: into tasks, into threads
(`threads.py`), and, but for the documents, by baggage into other processes (`baggage.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, cast

from opentelemetry import context as otel_context
from opentelemetry.context import Context
from opentelemetry.util.types import AttributeValue

from otel_llm.instrument.scope.baggage import baggage_of, read_baggage

CALL_CONTEXT: Final = otel_context.create_key("otel_llm.carried")
"""The key of a CallContext in OpenTelemetry's context."""


class ContextValues(NamedTuple):
    """The values of one `otel_llm.context(...)`."""

    attributes: Mapping[str, AttributeValue]
    replaced: frozenset[str]
    """Names of outer attributes that this context hides from the calls inside it."""
    sent: Mapping[str, str]
    """The attributes that are sent to other processes, in baggage."""
    documents: tuple[str, ...] | None
    """None means: keep the documents of the outer context."""


class CallContext:
    """The values of an entered context and those around it, computed once, when it is entered."""

    __slots__ = ("attributes", "baggage", "before", "documents", "local", "scope")

    def __init__(self, scope: object, given: ContextValues, before: Context) -> None:
        outer = cast("CallContext | None", before.get(CALL_CONTEXT))
        self.scope = scope
        """The context manager that entered this context and will leave it."""
        self.before: Context | None = before
        """OpenTelemetry's context to put back. None once that is done, so that it can be freed."""
        kept = {} if outer is None else _without(outer.local, given.replaced)
        self.local: Mapping[str, AttributeValue] = {**kept, **given.attributes}
        """The attributes set in this process, by this context and those around it."""
        self.baggage = baggage_of(before)
        """The baggage that `attributes` were read from. The app may have set other baggage since."""
        if given.replaced:
            # what this context replaces is true of no call inside it, whether or not its own goes out
            self.baggage = {**_without(self.baggage or {}, given.replaced), **given.sent} or None
        self.attributes: Mapping[str, AttributeValue] = {
            **read_baggage(self.baggage or {}, self.local),
            **self.local,
        }
        self.documents: tuple[str, ...] = () if outer is None else outer.documents
        if given.documents is not None:
            self.documents = given.documents


def inherited_attributes(context: Mapping[str, Any]) -> Mapping[str, AttributeValue] | None:
    """Return the attributes that a call in this OpenTelemetry context carries; None where there are none."""
    carried, baggage = context.get(CALL_CONTEXT), baggage_of(context)
    if carried is None:
        return read_baggage(baggage, ()) if baggage is not None else None
    if baggage is carried.baggage:
        return cast("CallContext", carried).attributes
    return {**read_baggage(baggage or {}, carried.local), **carried.local}


def inherited_documents(context: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the documents that a call in this OpenTelemetry context is to be judged against."""
    carried = context.get(CALL_CONTEXT)
    return () if carried is None else cast("CallContext", carried).documents


def _without(values: Mapping[str, Any], left_out: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in left_out}
