"""POST /audio/transcriptions and /audio/translations. Uploaded files are never captured."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from opentelemetry.util.types import AttributeValue

from otel_llm import names
from otel_llm.instrument.clients.formats import parts
from otel_llm.instrument.clients.formats.failures import error_type_of
from otel_llm.instrument.clients.formats.fields import count_of, fields_of, number, set_floats, text_of
from otel_llm.instrument.clients.formats.plain_messages import answer, user_messages
from otel_llm.instrument.clients.openai.events import EVENTS
from otel_llm.instrument.contract import units
from otel_llm.instrument.contract.data import Content, Endpoint, Message, Response
from otel_llm.instrument.contract.usage import Usage

# the client returns a page of HTML, as from a proxy, as a text too
_PAGE: Final = re.compile(r"\s*<(?:!doctype html|html)\b", re.IGNORECASE)
_FLOATS: Final = {"temperature": names.REQUEST_TEMPERATURE}


class _Events:
    """The sum of a stream's events. Texts are added up only if content is captured."""

    def __init__(self, content: bool) -> None:
        self._content = content
        self._usage: Any = None
        self._heard: list[str] = []
        self._text: str | None = None
        self._is_begun = False

    def add(self, event: Any) -> None:
        held = fields_of(event)
        kind = held.get("type")
        self._is_begun = self._is_begun or kind is not None
        if kind == "transcript.text.done":
            self._usage = held.get("usage")
            self._text = text_of(held.get("text")) if self._content else None
        elif self._content and kind == "transcript.text.delta":
            self._heard.append(text_of(held.get("delta")) or "")

    def response(self) -> Response:
        return Response(
            usage=_read_usage(self._usage), is_answer=self._is_begun, read_messages=self._read_messages
        )

    def _read_messages(self) -> list[Message]:
        if self._text is not None:
            return _read_text(self._text)
        heard = "".join(self._heard)
        return [answer(parts.text(heard), None)] if heard else []


def _read_attributes(body: Mapping[str, Any]) -> dict[str, AttributeValue]:
    attributes: dict[str, AttributeValue] = {names.OUTPUT_TYPE: "text"}
    set_floats(attributes, body, _FLOATS)
    return attributes


def _read_content(body: Mapping[str, Any]) -> Content:
    return Content(messages=user_messages(body.get("prompt")))


def _read_response(transcript: Any) -> Response:
    """Return the response: an object with the text, or the text itself for the formats `text`, `srt` and `vtt`."""
    if isinstance(transcript, str):
        is_answer = _PAGE.match(transcript) is None
        return Response(is_answer=is_answer, read_messages=lambda: _read_text(transcript) if is_answer else [])
    held = fields_of(transcript)
    is_answer = held.get("text") is not None or held.get("usage") is not None
    return Response(
        error_type=error_type_of(held, is_answer=is_answer),
        is_answer=is_answer,
        usage=_read_usage(held.get("usage")),
        read_messages=lambda: _read_text(held.get("text")),
    )


def _read_text(text: Any) -> list[Message]:
    return [answer(parts.text(text))] if isinstance(text, str) else []


def _read_usage(usage: Any) -> Usage | None:
    held = fields_of(usage)
    if (seconds := number(held.get("seconds"))) is not None:  # whisper reports its usage as a duration
        return Usage({units.AUDIO_SECONDS: seconds, units.INPUT_AUDIO_SECONDS: seconds})
    if held.get("input_tokens") is None:
        return None
    asked = fields_of(held.get("input_token_details"))
    return Usage(
        {
            units.INPUT_TOKENS: count_of(held.get("input_tokens")),
            units.OUTPUT_TOKENS: count_of(held.get("output_tokens")),
            units.INPUT_TEXT_TOKENS: count_of(asked.get("text_tokens")),
            units.INPUT_AUDIO_TOKENS: count_of(asked.get("audio_tokens")),
        }
    )


TRANSCRIPTIONS: Final = Endpoint(
    operation=names.TRANSCRIBE_AUDIO,
    read_attributes=_read_attributes,
    read_content=_read_content,
    read_response=_read_response,
    add_up=_Events,
    events=EVENTS,
)
TRANSLATIONS: Final = Endpoint(
    operation=names.TRANSLATE_AUDIO,
    read_attributes=_read_attributes,
    read_content=_read_content,
    read_response=_read_response,
)
