"""The API's format of streams: server-sent events, each with a chunk, an error, or the mark of the end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from otel_llm.instrument.clients.formats.failures import error_type_of
from otel_llm.instrument.contract.data import EventFormat


def _error_of(event: Any) -> str | None:
    return error_type_of(event) if isinstance(event, Mapping) else None


EVENTS: Final = EventFormat(end=b"[DONE]", error_of=_error_of)
