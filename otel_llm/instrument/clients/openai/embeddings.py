"""POST /embeddings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from opentelemetry.util.types import AttributeValue

from otel_llm import names
from otel_llm.instrument.clients.formats.failures import error_type_of
from otel_llm.instrument.clients.formats.fields import count_of, fields_of, set_integers, text_of
from otel_llm.instrument.clients.formats.plain_messages import user_messages
from otel_llm.instrument.clients.formats.reported_cost import reported_cost
from otel_llm.instrument.contract import units
from otel_llm.instrument.contract.data import Content, Endpoint, Response
from otel_llm.instrument.contract.usage import Usage

_INTEGERS: Final = {"dimensions": names.EMBEDDINGS_DIMENSION_COUNT}


def _read_attributes(body: Mapping[str, Any]) -> dict[str, AttributeValue]:
    attributes: dict[str, AttributeValue] = {}
    set_integers(attributes, body, _INTEGERS)
    # the format as sent: the client asks for base64 if the app names no format
    if isinstance(encoding := body.get("encoding_format"), str):
        attributes[names.REQUEST_ENCODING_FORMATS] = [encoding]
    return attributes


def _read_content(body: Mapping[str, Any]) -> Content:
    return Content(messages=user_messages(body.get("input")))


def _read_response(answer: Any) -> Response:
    held = fields_of(answer)
    usage = fields_of(held.get("usage"))
    asked = count_of(usage.get("prompt_tokens"))
    is_answer = bool(held.get("data") or held.get("model") or usage)
    return Response(
        error_type=error_type_of(held, is_answer=is_answer),
        is_answer=is_answer,
        model=text_of(held.get("model")) or None,
        usage=None if asked is None else Usage({units.INPUT_TOKENS: asked}, cost_usd=reported_cost(usage)),
    )


EMBEDDINGS: Final = Endpoint(
    operation=names.EMBEDDINGS,
    read_attributes=_read_attributes,
    read_content=_read_content,
    read_response=_read_response,
)
