"""One connection to the Realtime API: its responses in progress, and the conversation before them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from otel_llm.config.instrument_values import ContentCapture
from otel_llm.instrument.clients.formats.fields import fields_of
from otel_llm.instrument.clients.openai.realtime_events import REALTIME, Answer
from otel_llm.instrument.clients.openai.realtime_items import Conversation
from otel_llm.instrument.contract.client import Server
from otel_llm.instrument.contract.data import Request
from otel_llm.instrument.lifecycle.call import LiveCall
from otel_llm.instrument.lifecycle.reading import Dropped, Reading
from otel_llm.instrument.lifecycle.telemetry import CallTelemetry

# settings of the session for every response; a response's `response.create` may replace them
_SETTINGS: Final = (
    "instructions", "max_output_tokens", "max_response_output_tokens", "modalities", "output_modalities",
    "reasoning", "temperature", "tools",
)  # fmt: skip
# names without `output_` belong to the older API, `client.beta.realtime`
_DELTAS: Final = frozenset(
    {
        "response.audio.delta",
        "response.audio_transcript.delta",
        "response.function_call_arguments.delta",
        "response.mcp_call_arguments.delta",
        "response.output_audio.delta",
        "response.output_audio_transcript.delta",
        "response.output_text.delta",
        "response.text.delta",
    }
)

Fields = Mapping[str, Any]


class Turn:
    """One response, from the moment of its request.

    States: waiting, open (the server has begun the response), ended.
    """

    __slots__ = ("_dropped", "answer", "call", "event_id", "parameters", "reading", "said", "suspect")

    def __init__(self, call: LiveCall, event_id: str | None, parameters: Fields) -> None:
        self.call = call
        self.event_id = event_id
        """The app's own id of the event that asks for the response. None means no id."""
        self.parameters = parameters
        """Parameters of this response alone, from its `response.create`."""
        self.said: list[str] = []
        """The ids of the conversation's items that the response answers. Empty if content is not captured."""
        self.answer = Answer(call.captures_content)
        self.reading = Reading(call, self.answer)
        self.suspect: str | None = None
        """An error that may have ended this response. It counts if no other end comes."""
        self._dropped = Dropped(self.reading)

    def begin(self, settings: Fields, conversation: Conversation) -> None:
        """Record the input of the response beside its own parameters."""
        self.suspect = None
        self.call.request.body = {**settings, **self.parameters}
        asked = self.call.asked
        if asked is not None:
            given = REALTIME.read_content(settings)
            asked.system = asked.system or given.system
            asked.tools = asked.tools or given.tools
            if "input" not in self.parameters:
                self.said = conversation.ids()
                asked.messages = conversation.messages(self.said)

    def finish(self, response: Fields, conversation: Conversation) -> None:
        """End the call when the server ends the response. The user's words may be transcribed by now."""
        if self.call.asked is not None and self.said:
            self.call.asked.messages = conversation.messages(self.said)
        self.answer.finish(response)
        self.reading.end()

    def fail(self, error_type: str) -> None:
        """End the call with an error: no response will come."""
        self.answer.fail(error_type)
        self.reading.end()

    def cut(self, end: Callable[[Reading], None]) -> None:
        """End the call with an earlier error, or else as the end of the connection says."""
        if self.suspect is None:
            end(self.reading)
        else:
            self.fail(self.suspect)


class Session:
    """The responses of one connection, by its events.

    The server's events come in the order in which the server has processed the app's events. A response waits
    until the server begins it, is open until the server ends it, and ends at the latest with the connection.
    """

    def __init__(self, server: Server, model: str | None) -> None:
        self._server = server
        self._model = model
        self._id: str | None = None
        self._actual_model: str | None = None
        self._settings: Fields = {}
        self._conversation = Conversation()
        self._waiting: list[Turn] = []
        """Responses that the app has asked for, and the server has not begun."""
        self._open: dict[str, Turn] = {}
        """Responses that the server has begun, by id."""

    def sending(self, event: Any, telemetry: CallTelemetry) -> Turn | None:
        """Record an event that the app sends; return the response that the event asks for."""
        fields = event if isinstance(event, Mapping) else fields_of(event)
        if fields.get("type") != "response.create":
            return None
        turn = self._ask(telemetry, fields)
        self._waiting.append(turn)
        return turn

    def unsent(self, turn: Turn, error: BaseException) -> None:
        """End a response whose request could not be sent."""
        if turn in self._waiting:
            self._waiting.remove(turn)
        turn.reading.end(error)

    def received(self, event: Any, telemetry: CallTelemetry) -> None:
        """Record an event that the server sends."""
        fields = fields_of(event)
        kind = fields.get("type")
        if kind in _DELTAS:
            turn = self._open.get(fields.get("response_id", ""))
            if turn is not None:
                turn.reading.add(fields)
        elif (handle := _HANDLERS.get(kind or "")) is not None:
            handle(self, fields, telemetry)

    def close(self) -> None:
        """End all responses because the app closes the connection, perhaps after an exception of its own."""
        for turn in self._take_all():
            turn.cut(Reading.close)

    def end(self, error: BaseException) -> None:
        """End all responses: the connection broke."""
        for turn in self._take_all():
            turn.cut(lambda reading: reading.end(error))

    def _ask(self, telemetry: CallTelemetry, event: Fields) -> Turn:
        server = self._server
        response = event.get("response")
        fields = response if isinstance(response, Mapping) else fields_of(response)
        parameters = {name: value for name, value in fields.items() if value is not None}
        request = Request(
            endpoint=REALTIME,
            provider=server.provider,
            model=self._model or self._actual_model,
            address=server.address,
            port=server.port,
            body=parameters,
            stream=True,
        )
        return Turn(LiveCall(telemetry, request), event.get("event_id"), parameters)

    def _take_all(self) -> list[Turn]:
        turns = [*self._open.values(), *self._waiting]
        self._open.clear()
        self._waiting.clear()
        return turns

    def _on_session(self, fields: Fields, _: CallTelemetry) -> None:
        session = fields_of(fields.get("session"))
        if fields["type"] == "session.created":
            self._conversation = Conversation()  # a new connection begins with a new session
        self._id = session.get("id") or self._id
        self._actual_model = session.get("model") or self._actual_model
        self._settings = {name: session[name] for name in _SETTINGS if session.get(name) is not None}

    def _on_item(self, fields: Fields, telemetry: CallTelemetry) -> None:
        if telemetry.settings.capture_content is not ContentCapture.NO_CONTENT:
            self._conversation.add(fields)

    def _on_created(self, fields: Fields, telemetry: CallTelemetry) -> None:
        response = fields_of(fields.get("response"))
        turn = self._take_waiting(response) or self._ask(telemetry, {})
        self._open[response.get("id") or ""] = turn
        turn.begin(self._settings, self._conversation)
        turn.answer.begin(response, self._id, self._actual_model)

    def _on_output(self, fields: Fields, _: CallTelemetry) -> None:
        turn = self._open.get(fields.get("response_id", ""))
        if turn is not None:
            turn.answer.output(fields)

    def _on_done(self, fields: Fields, _: CallTelemetry) -> None:
        response = fields_of(fields.get("response"))
        turn = self._open.pop(response.get("id") or "", None)
        if turn is not None:
            turn.finish(response, self._conversation)

    def _on_error(self, fields: Fields, _: CallTelemetry) -> None:
        """End the refused response. An error names its event only if the app gave that event an id."""
        error = fields_of(fields.get("error"))
        error_type = str(error.get("code") or error.get("type") or "error")
        event_id = error.get("event_id")
        named = next((turn for turn in self._waiting if event_id and turn.event_id == event_id), None)
        if named is None and not event_id and self._waiting and _is_about_a_response(error):
            named = self._waiting[0]
        if named is not None:
            self._waiting.remove(named)
            named.fail(error_type)
        elif self._waiting and not event_id:
            self._waiting[0].suspect = error_type

    def _take_waiting(self, response: Fields) -> Turn | None:
        """Return the turn whose response began: the oldest, if nothing distinguishes the waiting turns."""
        if not self._waiting:
            return None
        wanted = _marks(response.get("metadata"), response.get("conversation_id") is None)
        for turn in self._waiting:
            asked = turn.parameters
            if _marks(asked.get("metadata"), asked.get("conversation") == "none") == wanted:
                break
        else:
            turn = self._waiting[0]
        self._waiting.remove(turn)
        return turn


def _marks(metadata: Any, is_apart: bool) -> tuple[Any, bool]:
    return (metadata or None, is_apart)


def _is_about_a_response(error: Fields) -> bool:
    param = error.get("param")
    return error.get("code") == "conversation_already_has_active_response" or (
        isinstance(param, str) and (param == "response" or param.startswith("response."))
    )


_HANDLERS: Final[Mapping[str, Callable[[Session, Fields, CallTelemetry], None]]] = MappingProxyType(
    {
        "conversation.item.added": Session._on_item,
        "conversation.item.created": Session._on_item,
        "conversation.item.deleted": Session._on_item,
        "conversation.item.done": Session._on_item,
        "conversation.item.input_audio_transcription.completed": Session._on_item,
        "error": Session._on_error,
        "response.created": Session._on_created,
        "response.done": Session._on_done,
        "response.output_item.added": Session._on_output,
        "response.output_item.done": Session._on_output,
        "session.created": Session._on_session,
        "session.updated": Session._on_session,
    }
)
