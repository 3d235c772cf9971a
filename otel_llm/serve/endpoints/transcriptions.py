"""POST /v1/audio/transcriptions and /translations, by the scripted model: the transcript is the rule's answer."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import BaseModel, Field
from starlette.requests import Request

from otel_llm import names
from otel_llm.serve.endpoints.scripted_endpoint import ScriptedEndpoint, ScriptedReply, event_reply, json_reply
from otel_llm.serve.endpoints.sound import RATE_BYTES
from otel_llm.serve.http.body import UploadedFile, read_form
from otel_llm.serve.models.request import STRICT, parse_as
from otel_llm.serve.models.script import ScriptRule
from otel_llm.serve.models.scripted_answer import split_words

_TOKENS_PER_SECOND: Final = 10  # per second of audio


class AudioForm(BaseModel):
    """The fields of both forms.

    Source: the OpenAI API reference, "Create transcription" and "Create translation", read in November 2026.
    """

    model_config = STRICT

    file: UploadedFile
    model: str
    prompt: str = ""
    response_format: Literal["json", "text", "verbose_json"] = "json"
    temperature: Annotated[float, Field(ge=0, le=1)] | None = None

    @property
    def text(self) -> str:
        """The prompt; without a prompt, the name of the file."""
        return self.prompt or self.file.name

    @property
    def seconds(self) -> float:
        """Seconds of the audio, if it has 128 kbit/s."""
        return round(self.file.size_bytes / RATE_BYTES, 2)


class TranscriptionForm(AudioForm):
    """The form of a transcription."""

    stream: bool = False
    language: str | None = None
    languages: str | list[str] | None = None
    keywords: str | list[str] | None = None
    include: list[Literal["logprobs"]] | None = None
    timestamp_granularities: list[Literal["word", "segment"]] | None = None
    chunking_strategy: Literal["auto"] | None = None


class Transcriptions(ScriptedEndpoint[TranscriptionForm]):
    """The endpoint of transcriptions."""

    operation: ClassVar[str] = names.TRANSCRIBE_AUDIO

    async def read(self, request: Request, limit_bytes: int) -> TranscriptionForm:
        """Return the request in the form."""
        return parse_as(TranscriptionForm, await read_form(request, limit_bytes))

    def reply(self, asked: TranscriptionForm, rule: ScriptRule) -> ScriptedReply:
        """Return the transcript, as one object or as events."""
        usage = _usage(asked, rule)
        if asked.stream:
            deltas = [{"type": "transcript.text.delta", "delta": word} for word in split_words(rule.text)]
            return event_reply([*deltas, {"type": "transcript.text.done", "text": rule.text, "usage": usage}])
        if asked.response_format == "verbose_json":
            # models with this format are priced per second, and report no tokens
            usage = {"type": "duration", "seconds": asked.seconds}
        return _transcript(asked, rule, "transcribe", {"usage": usage})


class Translations(ScriptedEndpoint[AudioForm]):
    """The endpoint of translations, which report no usage."""

    operation: ClassVar[str] = names.TRANSLATE_AUDIO

    async def read(self, request: Request, limit_bytes: int) -> AudioForm:
        """Return the request in the form."""
        return parse_as(AudioForm, await read_form(request, limit_bytes))

    def reply(self, asked: AudioForm, rule: ScriptRule) -> ScriptedReply:
        """Return the translation."""
        return _transcript(asked, rule, "translate", {})


def _transcript(asked: AudioForm, rule: ScriptRule, task: str, usage: dict[str, Any]) -> ScriptedReply:
    if asked.response_format == "text":
        return ScriptedReply([f"{rule.text}\n".encode()], "text/plain; charset=utf-8")
    if asked.response_format == "json":
        return json_reply({"text": rule.text, **usage})
    segment = {
        "id": 0,
        "seek": 0,
        "start": 0.0,
        "end": asked.seconds,
        "text": rule.text,
        "tokens": [],
        "temperature": asked.temperature or 0.0,
        "avg_logprob": -0.2,
        "compression_ratio": 1.0,
        "no_speech_prob": 0.01,
    }
    head = {"task": task, "language": "english", "duration": asked.seconds}
    return json_reply({**head, "text": rule.text, "segments": [segment], **usage})


def _usage(asked: TranscriptionForm, rule: ScriptRule) -> dict[str, Any]:
    counts = rule.usage
    audio_tokens = counts.prompt_audio_tokens or round(asked.seconds * _TOKENS_PER_SECOND)
    words = len(asked.prompt.split())
    asked_tokens = words + audio_tokens if counts.prompt_tokens is None else counts.prompt_tokens
    audio_tokens = min(audio_tokens, asked_tokens)
    heard = len(rule.text.split()) if counts.completion_tokens is None else counts.completion_tokens
    return {
        "type": "tokens",
        "input_tokens": asked_tokens,
        "input_token_details": {"text_tokens": asked_tokens - audio_tokens, "audio_tokens": audio_tokens},
        "output_tokens": heard,
        "total_tokens": asked_tokens + heard,
    }
