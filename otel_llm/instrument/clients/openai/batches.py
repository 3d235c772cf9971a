"""POST /batches. Fetching a batch again is not an operation, or its tokens would count each time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from opentelemetry.util.types import AttributeValue

from otel_llm import names
from otel_llm.instrument.clients.formats.failures import error_type_of
from otel_llm.instrument.clients.formats.fields import fields_of, set_strings, text_of
from otel_llm.instrument.contract.data import Content, Endpoint, Response

_STRINGS: Final = {"endpoint": names.BATCH_ENDPOINT}


def _read_attributes(body: Mapping[str, Any]) -> dict[str, AttributeValue]:
    attributes: dict[str, AttributeValue] = {}
    set_strings(attributes, body, _STRINGS)
    return attributes


def _read_content(_: Mapping[str, Any]) -> Content:
    return Content(messages=[])


def _read_response(batch: Any) -> Response:
    held = fields_of(batch)
    batch_id = text_of(held.get("id")) or None
    return Response(
        id=batch_id,
        model=text_of(held.get("model")) or None,
        error_type=error_type_of(held, is_answer=batch_id is not None),
        is_answer=batch_id is not None,
    )


BATCHES: Final = Endpoint(
    operation=names.CREATE_BATCH,
    read_attributes=_read_attributes,
    read_content=_read_content,
    read_response=_read_response,
)
