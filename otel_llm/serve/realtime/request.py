"""Events of a Realtime client: session, item and response, checked.

Source: the OpenAI API reference, "Realtime client events", read in November 2026.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, Field

from otel_llm.serve.http.api_error import ApiError
from otel_llm.serve.models.request import STRICT, BodyT, ChatMessage, ChatRequest, parse_as

_Modalities = Annotated[list[Literal["text", "audio"]], Field(min_length=1, max_length=1)]
_Tokens = Annotated[int, Field(ge=1, le=4096)] | Literal["inf"]

Event = dict[str, Any]

SAMPLE_RATE: Final = 24_000  # bytes per sample of 16-bit PCM, the only format in both directions


class Format(BaseModel):
    """The format of audio."""

    model_config = STRICT

    type: Literal["audio/pcm"] = "audio/pcm"
    rate: Literal[24000] = 24000


class Transcription(BaseModel):
    """Transcription of the user's audio: by the scripted model, with the rule that matches `prompt`."""

    model_config = STRICT

    model: str
    prompt: str = ""
    language: str | None = None


class TurnDetection(BaseModel):
    """Detection of the start and end of the user's speech."""

    model_config = STRICT

    type: Literal["server_vad"] = "server_vad"
    create_response: bool = True
    interrupt_response: bool = True
    silence_duration_ms: Annotated[int, Field(ge=0)] = 500
    prefix_padding_ms: int = 300
    """No effect, like `threshold`: the audio is not recognized."""
    threshold: Annotated[float, Field(ge=0, le=1)] = 0.5


class AudioInput(BaseModel):
    """Settings of the user's audio."""

    model_config = STRICT

    format: Format = Format()
    transcription: Transcription | None = None
    turn_detection: TurnDetection | None = TurnDetection()
    noise_reduction: None = None


class AudioOutput(BaseModel):
    """Settings of the model's audio."""

    model_config = STRICT

    format: Format = Format()
    voice: str = "alloy"
    speed: float = 1.0


class Audio(BaseModel):
    """Settings of audio in both directions."""

    model_config = STRICT

    input: AudioInput = AudioInput()
    output: AudioOutput = AudioOutput()


class ResponseAudio(BaseModel):
    """Settings of audio for one response."""

    model_config = STRICT

    output: AudioOutput = AudioOutput()


class SessionSettings(BaseModel):
    """Settings of a session; `session.update` changes only the fields that it names."""

    model_config = STRICT

    type: Literal["realtime"] = "realtime"
    model: str
    instructions: str = ""
    output_modalities: _Modalities
    max_output_tokens: _Tokens = "inf"
    audio: Audio = Audio()
    tools: list[dict[str, Any]] = []
    tool_choice: str | dict[str, Any] = "auto"


class ItemContent(BaseModel):
    """One part of a message. Audio is not recognized: its transcript is used."""

    model_config = STRICT

    type: Literal["input_text", "input_audio", "output_text", "output_audio"]
    text: str | None = None
    audio: str | None = None
    transcript: str | None = None


class RealtimeItem(BaseModel):
    """A message, a call of a function, or its output."""

    model_config = STRICT

    id: str | None = None
    object: Literal["realtime.item"] = "realtime.item"
    type: Literal["message", "function_call", "function_call_output"]
    status: Literal["completed", "incomplete", "in_progress"] = "completed"
    role: Literal["system", "user", "assistant"] | None = None
    content: list[ItemContent] | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    output: str | None = None

    @property
    def text(self) -> str:
        """The content as one text."""
        return "\n".join(part.text or part.transcript or "" for part in self.content or ())

    def as_message(self) -> ChatMessage:
        """Return the item as a chat message."""
        if self.type == "function_call_output":
            return ChatMessage(role="tool", content=self.output or "", tool_call_id=self.call_id)
        if self.type == "function_call":
            function = {"name": self.name, "arguments": self.arguments}
            return ChatMessage(
                role="assistant", tool_calls=[{"id": self.call_id, "type": "function", "function": function}]
            )
        return ChatMessage(role=self.role or "user", content=self.text)

    def shown(self) -> dict[str, Any]:
        """Return the item for events of the server, without audio."""
        shown = self.model_dump(exclude_none=True)
        for part in shown.get("content", ()):
            part.pop("audio", None)
        return shown


class ResponseParameters(BaseModel):
    """Parameters of `response.create` for one response."""

    model_config = STRICT

    conversation: Literal["auto", "none"] = "auto"
    input: list[RealtimeItem] | None = None
    instructions: str | None = None
    max_output_tokens: _Tokens | None = None
    metadata: dict[str, str] | None = None
    output_modalities: _Modalities | None = None
    audio: ResponseAudio | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None

    def over(self, settings: SessionSettings, items: Iterable[RealtimeItem]) -> ChatRequest:
        """Return the chat request for this response in a session, after these items."""
        instructions = settings.instructions if self.instructions is None else self.instructions
        limit = self.max_output_tokens or settings.max_output_tokens
        said = [item.as_message() for item in (items if self.input is None else self.input)]
        system = [ChatMessage(role="system", content=instructions)] if instructions or not said else []
        tools = settings.tools if self.tools is None else self.tools
        return ChatRequest(
            model=settings.model,
            messages=[*system, *said],
            stream=True,
            max_completion_tokens=None if limit == "inf" else limit,
            tools=[_as_chat_tool(tool) for tool in tools] or None,
        )


def read_event(text: str) -> Event:
    """Return the event in a message.

    Raises:
        ApiError: the message has no valid event.
    """
    try:
        event = json.loads(text)
    except ValueError as error:
        raise ApiError(400, f"an event must be JSON: {error}", code="invalid_json") from error
    except RecursionError as error:
        raise too_deep() from error
    if not isinstance(event, dict):
        raise ApiError(400, f"an event must be a JSON object, got {type(event).__name__}", code="invalid_json")
    return event


def too_deep() -> ApiError:
    """Return the error for an event with too deep JSON."""
    return ApiError(400, "the event is nested too deeply", code="invalid_json")


def object_in(event: Event, name: str) -> Event:
    """Return the object in a field of an event.

    Raises:
        ApiError: the field is missing or no object.
    """
    value = event.get(name)
    if not isinstance(value, dict):
        raise ApiError(400, f"{name} is required", param=name, code="missing_required_parameter")
    return value


def checked(kind: type[BodyT], value: Any, name: str) -> BodyT:
    """Return a field of an event as an object of the class `kind`.

    Raises:
        ApiError: the field is not valid; message and parameter name the fault.
    """
    try:
        return parse_as(kind, json.dumps(value).encode())
    except ApiError as error:
        said = error.body["error"]
        said["param"] = f"{name}.{said['param']}" if said["param"] else name
        raise


def merged(old: Event, new: Event) -> Event:
    """Return the old values updated with the new values, table by table."""
    both = {
        key: merged(old[key], value) if isinstance(value, dict) and isinstance(old.get(key), dict) else value
        for key, value in new.items()
    }
    return {**old, **both}


def _as_chat_tool(tool: dict[str, Any]) -> dict[str, Any]:
    return {"type": "function", "function": {key: value for key, value in tool.items() if key != "type"}}
