"""POST /moderations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from opentelemetry.util.types import AttributeValue

from otel_llm import names
from otel_llm.instrument.clients.formats import parts
from otel_llm.instrument.clients.formats.failures import error_type_of
from otel_llm.instrument.clients.formats.fields import fields_of, text_of
from otel_llm.instrument.clients.formats.parts import Part, plain
from otel_llm.instrument.clients.formats.plain_messages import answer, user_message, user_messages
from otel_llm.instrument.contract.data import Content, Endpoint, Response


def _read_attributes(_: Mapping[str, Any]) -> dict[str, AttributeValue]:
    return {}


def _read_content(body: Mapping[str, Any]) -> Content:
    """Return one message for each text; texts and images that get one result together are one message."""
    asked = body.get("input")
    together = [plain(part) for part in asked if not isinstance(part, str)] if isinstance(asked, list) else []
    messages = [user_message(list(map(_part, together)))] if together else user_messages(asked)
    return Content(messages=messages)


def _part(part: Mapping[str, Any]) -> Part:
    if part.get("type") == "image_url":
        return parts.at_url(parts.url_of(part.get("image_url")), "image")
    return parts.text(part.get("text", ""))


def _read_response(response: Any) -> Response:
    held = fields_of(response)
    is_answer = bool(held.get("results") or held.get("id") or held.get("model"))
    return Response(
        error_type=error_type_of(held, is_answer=is_answer),
        is_answer=is_answer,
        id=text_of(held.get("id")) or None,
        model=text_of(held.get("model")) or None,
        read_messages=lambda: [answer(_verdict(result)) for result in held.get("results") or ()],
    )


def _verdict(result: Any) -> Part:
    """Return a part of our own type, which the conventions' schema allows: categories without scores."""
    categories = result.categories.to_dict()  # the API's own names, such as violence/graphic
    return {
        "type": "moderation",
        "flagged": bool(result.flagged),
        "categories": [name for name, flagged in categories.items() if flagged],
    }


MODERATIONS: Final = Endpoint(
    operation=names.MODERATE_CONTENT,
    read_attributes=_read_attributes,
    read_content=_read_content,
    read_response=_read_response,
)
