"""POST /images/generations, /images/edits and /images/variations. Uploaded files are never captured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from opentelemetry.util.types import AttributeValue

from otel_llm import names
from otel_llm.instrument.clients.formats import parts
from otel_llm.instrument.clients.formats.failures import error_type_of
from otel_llm.instrument.clients.formats.fields import count_of, fields_of
from otel_llm.instrument.clients.formats.plain_messages import answer, user_messages
from otel_llm.instrument.clients.openai.events import EVENTS
from otel_llm.instrument.clients.openai.reading import set_choice_count
from otel_llm.instrument.contract import units
from otel_llm.instrument.contract.data import Content, Endpoint, Message, Response
from otel_llm.instrument.contract.usage import Usage

_COMPLETED: Final = frozenset({"image_generation.completed", "image_edit.completed"})
_MIME_TYPES: Final = {"svg": "image/svg+xml"}  # the media type of all other formats is `image/` and the format


class _Events:
    """The sum of a stream's events: the last image, and the usage."""

    def __init__(self, content: bool) -> None:
        self._content = content
        self._usage: Any = None
        self._image: Any = None
        self._is_begun = False

    def add(self, event: Any) -> None:
        held = fields_of(event)
        self._is_begun = self._is_begun or held.get("type") is not None
        if held.get("type") in _COMPLETED:
            self._usage = held.get("usage")
            if self._content:
                self._image = event

    def response(self) -> Response:
        # by the API's reference, all output tokens of a stream are of images, without details
        drawn = fields_of(self._usage).get("output_tokens")
        return Response(
            usage=_read_usage(self._usage, {"image_tokens": drawn}),
            is_answer=self._is_begun,
            read_messages=self._read_messages,
        )

    def _read_messages(self) -> list[Message]:
        return [] if self._image is None else _read_images([self._image], fields_of(self._image))


def _read_attributes(body: Mapping[str, Any]) -> dict[str, AttributeValue]:
    attributes: dict[str, AttributeValue] = {names.OUTPUT_TYPE: "image"}
    set_choice_count(attributes, body)
    return attributes


def _read_content(body: Mapping[str, Any]) -> Content:
    return Content(messages=user_messages(body.get("prompt")))


def _read_response(response: Any) -> Response:
    held = fields_of(response)
    usage = held.get("usage")
    is_answer = bool(held.get("data") or usage)
    return Response(
        error_type=error_type_of(held, is_answer=is_answer),
        is_answer=is_answer,
        usage=_read_usage(usage, fields_of(fields_of(usage).get("output_tokens_details"))),
        read_messages=lambda: _read_images(held.get("data") or (), held),
    )


def _read_images(images: Any, drawn: Mapping[str, Any]) -> list[Message]:
    image_format = drawn.get("output_format") or "png"  # dall-e does not name its format, which is PNG
    mime_type = _MIME_TYPES.get(image_format, f"image/{image_format}")
    messages = []
    for held in map(fields_of, images):
        if data := held.get("b64_json"):
            messages.append(answer(parts.blob(data, "image", mime_type)))
        elif url := held.get("url"):
            messages.append(answer(parts.at_url(url, "image")))
    return messages


def _read_usage(usage: Any, drawn: Mapping[str, Any]) -> Usage | None:
    """Return the usage of the images; `drawn` holds the output tokens by modality.

    The usage of the author of an SVG (`svg_usage`) belongs to another model, and is not included.
    """
    if usage is None:
        return None
    held = fields_of(usage)
    asked = fields_of(held.get("input_tokens_details"))
    return Usage(
        {
            units.INPUT_TOKENS: count_of(held.get("input_tokens")),
            units.OUTPUT_TOKENS: count_of(held.get("output_tokens")),
            units.INPUT_TEXT_TOKENS: count_of(asked.get("text_tokens")),
            units.INPUT_IMAGE_TOKENS: count_of(asked.get("image_tokens")),
            units.OUTPUT_TEXT_TOKENS: count_of(drawn.get("text_tokens")),
            units.OUTPUT_IMAGE_TOKENS: count_of(drawn.get("image_tokens")),
        }
    )


def _endpoint(operation: str, *, streams: bool) -> Endpoint:
    return Endpoint(
        operation=operation,
        read_attributes=_read_attributes,
        read_content=_read_content,
        read_response=_read_response,
        add_up=_Events if streams else None,
        events=EVENTS,
    )


IMAGE_GENERATIONS: Final = _endpoint(names.GENERATE_IMAGE, streams=True)
IMAGE_EDITS: Final = _endpoint(names.EDIT_IMAGE, streams=True)
IMAGE_VARIATIONS: Final = _endpoint(names.VARY_IMAGE, streams=False)
