"""A call on a span that other code opened: the call adds the attributes that the span lacks, and replaces none."""

from __future__ import annotations

from collections.abc import Mapping

from opentelemetry.trace import Status, StatusCode
from opentelemetry.util.types import AttributeValue

from otel_llm import names
from otel_llm.instrument.lifecycle.call import LiveCall


class CallOnBorrowedSpan(LiveCall):
    """A call that is recorded on a span of the client, or of another instrumentation."""

    __slots__ = ()

    def _set_attributes(self, attributes: Mapping[str, AttributeValue]) -> None:
        said = getattr(self._span, "attributes", None) or {}
        everything = {**(self._inherited or {}), **self._shared, **attributes}
        if names.USAGE_COST in said:  # the source attribute belongs to our cost
            everything.pop(names.USAGE_COST_SOURCE, None)
        self._span.set_attributes({name: value for name, value in everything.items() if name not in said})

    def _set_status(self, status: Status) -> None:
        said = getattr(self._span, "status", None)
        if said is None or said.status_code is StatusCode.UNSET:
            self._span.set_status(status)
