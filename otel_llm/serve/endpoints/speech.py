"""POST /v1/audio/speech, by the scripted model: silence, as long as the text."""

from __future__ import annotations

import base64
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import BaseModel, Field
from starlette.requests import Request

from otel_llm import names
from otel_llm.serve.endpoints.scripted_endpoint import ScriptedEndpoint, ScriptedReply, event_reply
from otel_llm.serve.endpoints.sound import silence
from otel_llm.serve.http.body import read_json
from otel_llm.serve.models.request import STRICT, parse_as
from otel_llm.serve.models.script import ScriptRule

_MEDIA_TYPES: Final = {"mp3": "audio/mpeg", "wav": "audio/wav", "pcm": "audio/pcm"}
_TOKENS_PER_WORD: Final = 5  # tokens of audio per word: about 20 tokens and four words per second


class VoiceId(BaseModel):
    """A custom voice."""

    model_config = STRICT

    id: str


class SpeechRequest(BaseModel):
    """The body of a request. Other formats would need an encoder.

    Source: the OpenAI API reference, "Create speech", read in November 2026.
    """

    model_config = STRICT

    model: str
    input: Annotated[str, Field(min_length=1, max_length=4096)]
    voice: str | VoiceId
    instructions: str | None = None
    response_format: Literal["mp3", "wav", "pcm"] = "mp3"
    speed: Annotated[float, Field(ge=0.25, le=4)] | None = None
    stream_format: Literal["sse", "audio"] | None = None

    @property
    def text(self) -> str:
        """The text to speak."""
        return self.input


class Speech(ScriptedEndpoint[SpeechRequest]):
    """The endpoint."""

    operation: ClassVar[str] = names.GENERATE_SPEECH

    async def read(self, request: Request, limit_bytes: int) -> SpeechRequest:
        """Return the request in the body."""
        return parse_as(SpeechRequest, await read_json(request, limit_bytes))

    def reply(self, asked: SpeechRequest, rule: ScriptRule) -> ScriptedReply:
        """Return the sound word by word, as bytes or as events."""
        words = len(asked.input.split())
        pieces = silence(asked.response_format, words)
        if asked.stream_format != "sse":
            return ScriptedReply(pieces, _MEDIA_TYPES[asked.response_format], streamed=True)
        events: list[dict[str, Any]] = [
            {"type": "speech.audio.delta", "audio": base64.b64encode(piece).decode()} for piece in pieces
        ]
        return event_reply([*events, {"type": "speech.audio.done", "usage": _usage(words, rule)}])


def _usage(words: int, rule: ScriptRule) -> dict[str, int]:
    counts = rule.usage
    asked = words if counts.prompt_tokens is None else counts.prompt_tokens
    said = words * _TOKENS_PER_WORD if counts.completion_tokens is None else counts.completion_tokens
    return {"input_tokens": asked, "output_tokens": said, "total_tokens": asked + said}
