"""The API's format of streams: server-sent events, each with a chunk, an error, or the mark of the end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from otel_llm.instrument.contract.data import EventFormat


def _is_error(event: Any) -> bool:
    return isinstance(event, Mapping) and bool(event.get("error"))


EVENTS: Final = EventFormat(end=b"[DONE]", is_error=_is_error)
