"""One session of the Realtime API: its settings, its conversation, and its responses in progress."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from starlette.websockets import WebSocketDisconnect

from otel_llm.serve.endpoints.endpoint import cancel
from otel_llm.serve.endpoints.metrics import RequestMeasurement, ServerMetrics
from otel_llm.serve.http.api_error import ApiError
from otel_llm.serve.models.model import Model, StreamBroken
from otel_llm.serve.models.request import ChatRequest
from otel_llm.serve.models.scripted import ScriptedModel
from otel_llm.serve.realtime.audio import InputBuffer
from otel_llm.serve.realtime.connection import Connection
from otel_llm.serve.realtime.conversation import Conversation, new_item_id
from otel_llm.serve.realtime.request import (
    Event,
    ItemContent,
    RealtimeItem,
    ResponseParameters,
    SessionSettings,
    checked,
    merged,
    object_in,
    read_event,
    too_deep,
)
from otel_llm.serve.realtime.response import CancelReason, RealtimeResponse

_log = logging.getLogger(__name__)


class RealtimeSession:
    """The session of one connection: one task reads events, each response runs in a task of its own."""

    def __init__(
        self, connection: Connection, model: Model, models: Mapping[str, Model], metrics: ServerMetrics
    ) -> None:
        self._connection = connection
        self._emit = connection.emit
        self._model = model
        self._models = models
        self._metrics = metrics
        self._id = f"sess_{secrets.token_hex(10)}"
        # the only voice is the silence of the scripted model
        modality = "audio" if isinstance(model, ScriptedModel) else "text"
        self._settings = SessionSettings(model=model.id, output_modalities=[modality])  # type: ignore[list-item]
        self._conversation = Conversation(self._emit)
        self._scribe: ScriptedModel | None = None
        self._buffer = InputBuffer()
        self._speech_id = ""
        self._responses: dict[str, RealtimeResponse] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Handle the client's events, one after the other, until it disconnects.

        Raises:
            WebSocketDisconnect: the client has disconnected.
        """
        await self._emit("session.created", session=self._shown())
        try:
            while True:
                await self._deal_with(await self._connection.receive())
        finally:
            await cancel(*self._tasks)

    async def _deal_with(self, text: str) -> None:
        event: Event = {}
        try:
            event = read_event(text)
            await _handler_of(event)(self, event)
        except ApiError as error:
            await self._refuse(event, error)
        except RecursionError:  # for JSON that its reader accepts and its writer refuses
            await self._refuse(event, too_deep())

    async def _refuse(self, event: Event, error: ApiError) -> None:
        event_id = event.get("event_id")
        known = event_id if isinstance(event_id, str) else None
        await self._emit("error", error={**error.body["error"], "event_id": known})

    async def _update(self, event: Event) -> None:
        said = object_in(event, "session")
        if said.get("model", self._model.id) != self._model.id:
            raise ApiError(400, "the model of a session cannot be changed", param="session.model")
        settings = checked(SessionSettings, merged(self._settings.model_dump(), said), "session")
        self._check_speech(settings.output_modalities, "session.output_modalities")
        self._scribe = self._scribe_of(settings)
        self._settings = settings
        await self._emit("session.updated", session=self._shown())

    async def _create_item(self, event: Event) -> None:
        await self._conversation.add(checked(RealtimeItem, object_in(event, "item"), "item"))

    async def _delete_item(self, event: Event) -> None:
        await self._conversation.delete(event.get("item_id"))

    async def _retrieve_item(self, event: Event) -> None:
        await self._conversation.retrieve(event.get("item_id"))

    async def _append_audio(self, event: Event) -> None:
        detection = self._settings.audio.input.turn_detection
        silence_ms = detection.silence_duration_ms if detection else 0
        for heard in self._buffer.append(str(event.get("audio", "")), silence_ms):
            if detection is None:
                continue
            if heard.what == "started":
                self._speech_id = new_item_id()
                await self._emit(
                    "input_audio_buffer.speech_started", item_id=self._speech_id, audio_start_ms=heard.at_ms
                )
                if detection.interrupt_response:
                    self._cancel_active("turn_detected")
            else:
                await self._emit(
                    "input_audio_buffer.speech_stopped", item_id=self._speech_id, audio_end_ms=heard.at_ms
                )
                await self._commit(self._speech_id)
                if detection.create_response and self._active() is None:
                    await self._respond(ResponseParameters())

    async def _commit_audio(self, _: Event) -> None:
        if not self._buffer.has_audio:
            raise ApiError(
                400, "the input audio buffer is empty: append audio first", code="input_audio_buffer_commit_empty"
            )
        await self._commit(new_item_id())

    async def _clear_audio(self, _: Event) -> None:
        self._buffer.clear()
        await self._emit("input_audio_buffer.cleared")

    async def _create_response(self, event: Event) -> None:
        parameters = checked(
            ResponseParameters, {} if (said := event.get("response")) is None else said, "response"
        )
        if parameters.conversation == "auto" and self._active() is not None:
            raise ApiError(
                400,
                "the conversation has a response under way already: cancel it, or wait for its response.done",
                code="conversation_already_has_active_response",
            )
        self._check_speech(parameters.output_modalities, "response.output_modalities")
        await self._respond(parameters)

    async def _cancel_response(self, event: Event) -> None:
        response_id = event.get("response_id")
        response = self._active() if response_id is None else self._responses.get(str(response_id))
        if response is None or not response.is_in_progress:
            raise ApiError(400, "there is no such response under way", code="response_cancel_not_active")
        response.cancel("client_cancelled")

    async def _respond(self, parameters: ResponseParameters) -> None:
        request = parameters.over(self._settings, self._conversation.items())
        settings = self._settings
        in_conversation = parameters.conversation == "auto"
        shown = {
            "conversation_id": self._conversation.id if in_conversation else None,
            "output_modalities": parameters.output_modalities or settings.output_modalities,
            "max_output_tokens": parameters.max_output_tokens or settings.max_output_tokens,
            "metadata": parameters.metadata,
            "audio": {"output": (parameters.audio or settings.audio).output.model_dump()},
        }
        response = RealtimeResponse(shown, self._emit, self._conversation.add if in_conversation else None)
        self._responses[response.id] = response
        response.task = asyncio.create_task(self._run(response, request))
        self._tasks.add(response.task)
        response.task.add_done_callback(self._tasks.discard)

    async def _run(self, response: RealtimeResponse, request: ChatRequest) -> None:
        try:
            with RequestMeasurement(self._metrics, "chat") as measured:
                measured.model(self._model.id)
                await response.run(self._model, request, measured)
        except WebSocketDisconnect:
            _log.info("the client went away: its response is left")
        except StreamBroken:
            await self._connection.break_off()
        finally:
            self._responses.pop(response.id, None)

    async def _commit(self, item_id: str) -> None:
        self._buffer.clear()
        await self._emit(
            "input_audio_buffer.committed", item_id=item_id, previous_item_id=self._conversation.last_id
        )
        heard = ItemContent(type="input_audio")
        await self._conversation.add(RealtimeItem(id=item_id, type="message", role="user", content=[heard]))
        if self._scribe is not None and (transcription := self._settings.audio.input.transcription) is not None:
            rule = await self._scribe.rule_for(transcription.prompt)
            await self._conversation.transcribe(item_id, rule.text, self._buffer.milliseconds / 1000)

    def _active(self) -> RealtimeResponse | None:
        """Return the response in progress in the conversation; None without one."""
        responses = self._responses.values()
        return next((each for each in responses if each.is_of_conversation and each.is_in_progress), None)

    def _cancel_active(self, reason: CancelReason) -> None:
        if (active := self._active()) is not None:
            active.cancel(reason)

    def _scribe_of(self, settings: SessionSettings) -> ScriptedModel | None:
        """Return the model that transcribes the user's audio; None if the settings name none."""
        transcription = settings.audio.input.transcription
        if transcription is None:
            return None
        model = self._models.get(transcription.model)
        if isinstance(model, ScriptedModel):
            return model
        raise ApiError(
            400,
            f"the model {transcription.model} writes nothing down; the model {ScriptedModel.id} does",
            param="session.audio.input.transcription.model",
            code="unsupported_operation",
        )

    def _check_speech(self, modalities: list[Any] | None, param: str) -> None:
        if modalities == ["audio"] and not isinstance(self._model, ScriptedModel):
            raise ApiError(
                400, f"the model {self._model.id} has no voice; ask it for text", param=param, code="invalid_value"
            )

    def _shown(self) -> dict[str, Any]:
        return {"object": "realtime.session", "id": self._id, **self._settings.model_dump()}


def _handler_of(event: Event) -> Callable[[RealtimeSession, Event], Awaitable[None]]:
    kind = str(event.get("type"))
    if kind not in _HANDLERS:
        message = f"there is no event {kind!r}; there are: {', '.join(_HANDLERS)}"
        raise ApiError(400, message, param="type", code="invalid_value")
    return _HANDLERS[kind]


_HANDLERS: Final[Mapping[str, Callable[[RealtimeSession, Event], Awaitable[None]]]] = MappingProxyType(
    {
        "session.update": RealtimeSession._update,
        "conversation.item.create": RealtimeSession._create_item,
        "conversation.item.delete": RealtimeSession._delete_item,
        "conversation.item.retrieve": RealtimeSession._retrieve_item,
        "input_audio_buffer.append": RealtimeSession._append_audio,
        "input_audio_buffer.commit": RealtimeSession._commit_audio,
        "input_audio_buffer.clear": RealtimeSession._clear_audio,
        "response.create": RealtimeSession._create_response,
        "response.cancel": RealtimeSession._cancel_response,
    }
)
