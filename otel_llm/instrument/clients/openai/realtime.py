"""The Realtime API, over a WebSocket: one span for each response of the model.

Each response is a call: from the app's `response.create` to the server's `response.done`. The server may begin a
response by itself when it hears the end of the user's speech: then the call begins with the server's
`response.created`. The conventions have no name for this operation yet, so it is `chat`, which dashboards and
evaluators know. A proposal (https://github.com/open-telemetry/semantic-conventions-genai/pull/394) has a span for
each generation too, joined by gen_ai.conversation.id, the session's id.

Four methods of a connection are patched. All events pass through `parse_event`, whether the app iterates, receives
or dispatches. `recv_bytes` shows that the connection broke, `close` that the app closes it, and `send` that the
app asks for a response. Events sent as raw text, or before the connection existed, show when the server answers. A
connection belongs to no task, so no context is attached.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from typing import Any, Final

from otel_llm.instrument.clients.openai.realtime_session import Session, Turn
from otel_llm.instrument.clients.openai.server import default_provider
from otel_llm.instrument.contract.client import Patch
from otel_llm.instrument.guard import guarded
from otel_llm.instrument.lifecycle.telemetry import CallTelemetry, InstrumentedClient, InstrumentedPatch

_Method = Callable[..., Any]


def _wrap_enter(original: _Method, _: InstrumentedClient, telemetry: CallTelemetry) -> _Method:
    @functools.wraps(original)
    def enter(manager: Any, *args: Any, **kwargs: Any) -> Any:
        connection = original(manager, *args, **kwargs)
        _begin(manager, connection, telemetry)
        return connection

    return enter


def _wrap_enter_async(original: _Method, _: InstrumentedClient, telemetry: CallTelemetry) -> _Method:
    @functools.wraps(original)
    async def enter(manager: Any, *args: Any, **kwargs: Any) -> Any:
        connection = await original(manager, *args, **kwargs)
        _begin(manager, connection, telemetry)
        return connection

    return enter


def _wrap_send(original: _Method, _: InstrumentedClient, telemetry: CallTelemetry) -> _Method:
    @functools.wraps(original)
    def send(connection: Any, event: Any, *args: Any, **kwargs: Any) -> Any:
        turn = _sending(connection, event, telemetry)
        try:
            return original(connection, event, *args, **kwargs)
        except BaseException as error:
            _unsent(connection, turn, error)
            raise

    return send


def _wrap_send_async(original: _Method, _: InstrumentedClient, telemetry: CallTelemetry) -> _Method:
    @functools.wraps(original)
    async def send(connection: Any, event: Any, *args: Any, **kwargs: Any) -> Any:
        turn = _sending(connection, event, telemetry)
        try:
            return await original(connection, event, *args, **kwargs)
        except BaseException as error:
            _unsent(connection, turn, error)
            raise

    return send


def _wrap_parse(original: _Method, _: InstrumentedClient, telemetry: CallTelemetry) -> _Method:
    @functools.wraps(original)
    def parse_event(connection: Any, *args: Any, **kwargs: Any) -> Any:
        event = original(connection, *args, **kwargs)
        _received(connection, event, telemetry)
        return event

    return parse_event


def _wrap_receive(original: _Method, _: InstrumentedClient, __: CallTelemetry) -> _Method:
    @functools.wraps(original)
    def recv_bytes(connection: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return original(connection, *args, **kwargs)
        except Exception as error:
            _broken(connection, error)
            raise

    return recv_bytes


def _wrap_receive_async(original: _Method, _: InstrumentedClient, __: CallTelemetry) -> _Method:
    @functools.wraps(original)
    async def recv_bytes(connection: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return await original(connection, *args, **kwargs)
        except Exception as error:
            _broken(connection, error)
            raise

    return recv_bytes


def _wrap_close(original: _Method, _: InstrumentedClient, __: CallTelemetry) -> _Method:
    @functools.wraps(original)
    def close(connection: Any, *args: Any, **kwargs: Any) -> Any:
        _closing(connection)
        return original(connection, *args, **kwargs)

    return close  # also for an asynchronous connection: the app awaits the returned coroutine


@guarded("opening a realtime connection")
def _begin(manager: Any, connection: Any, telemetry: CallTelemetry) -> None:
    if not telemetry.enabled:
        return
    client, model = _private(manager, "client"), _private(manager, "model")
    url = client.websocket_base_url or client.base_url
    # with Azure's client the deployment answers, whatever model the app names
    model = getattr(client, "_azure_deployment", None) or model
    server = telemetry.servers.at(str(url), default_provider(client), compatible=True)
    _sessions[connection] = Session(server, model if isinstance(model, str) else None)


@guarded("asking for a realtime response")
def _sending(connection: Any, event: Any, telemetry: CallTelemetry) -> Turn | None:
    session = _sessions.get(connection)
    return session.sending(event, telemetry) if session is not None and telemetry.enabled else None


@guarded("failing to ask for a realtime response")
def _unsent(connection: Any, turn: Turn | None, error: BaseException) -> None:
    session = _sessions.get(connection)
    if session is not None and turn is not None:
        session.unsent(turn, error)


@guarded("reading a realtime event")
def _received(connection: Any, event: Any, telemetry: CallTelemetry) -> None:
    session = _sessions.get(connection)
    if session is not None and telemetry.enabled:
        session.received(event, telemetry)


@guarded("ending a broken realtime connection")
def _broken(connection: Any, error: Exception) -> None:
    from websockets.exceptions import ConnectionClosed  # noqa: PLC0415 - imported by now, as there is a connection

    session = _sessions.get(connection)
    # a timeout does not break the connection: the app may continue to receive
    if session is not None and isinstance(error, ConnectionClosed):
        session.end(error)


@guarded("closing a realtime connection")
def _closing(connection: Any) -> None:
    session = _sessions.get(connection)
    if session is not None:
        session.close()


def _private(manager: Any, name: str) -> Any:
    """Return a connection manager's private attribute: `_RealtimeConnectionManager__client`."""
    return next(value for key, value in vars(manager).items() if key.endswith(f"__{name}"))


# When the app drops a connection, its session is freed with it, and the open responses end.
_sessions: Final[weakref.WeakKeyDictionary[Any, Session]] = weakref.WeakKeyDictionary()

_SYNC: Final = "RealtimeConnection"
_ASYNC: Final = "AsyncRealtimeConnection"


def _patches(module: str) -> tuple[InstrumentedPatch, ...]:
    return (
        # `enter` is another name of `__enter__`
        Patch(module, f"{_SYNC}Manager", "__enter__", _wrap_enter),
        Patch(module, f"{_SYNC}Manager", "enter", _wrap_enter),
        Patch(module, f"{_ASYNC}Manager", "__aenter__", _wrap_enter_async),
        Patch(module, f"{_ASYNC}Manager", "enter", _wrap_enter_async),
        Patch(module, _SYNC, "send", _wrap_send),
        Patch(module, _ASYNC, "send", _wrap_send_async),
        Patch(module, _SYNC, "parse_event", _wrap_parse),
        Patch(module, _ASYNC, "parse_event", _wrap_parse),
        Patch(module, _SYNC, "recv_bytes", _wrap_receive),
        Patch(module, _ASYNC, "recv_bytes", _wrap_receive_async),
        Patch(module, _SYNC, "close", _wrap_close),
        Patch(module, _ASYNC, "close", _wrap_close),
    )


# `client.realtime`, and the older `client.beta.realtime`; each is imported at its first use
PATCHES: Final = (
    *_patches("openai.resources.realtime.realtime"),
    *_patches("openai.resources.beta.realtime.realtime"),
)
