"""The Realtime API of the real client, against the scripted model over a WebSocket: a span for each response."""

import asyncio
import base64
import contextlib
import gc
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import openai
import pytest
from openai.resources.realtime.realtime import RealtimeConnection
from opentelemetry.trace import SpanKind, StatusCode
from support.model_server import served_script
from websockets.exceptions import ConnectionClosed, ConnectionClosedError
from websockets.sync.server import serve

import otel_llm
from otel_llm import names
from otel_llm.instrument.clients.openai.realtime_session import Session, Turn
from otel_llm.instrument.lifecycle.call import LiveCall

SCRIPT = Path(__file__).parent / "scripts" / "realtime.toml"
TEXT = {"type": "realtime", "output_modalities": ["text"], "instructions": "Be brief."}
PCM_SECOND = 48_000  # bytes of 16-bit PCM at 24 kHz


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of `otel-llm serve --scripted-only`."""
    with served_script(SCRIPT, tmp_path_factory.mktemp("serve") / "log") as url:
        yield url


@pytest.fixture
def client(url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key="none", base_url=url, max_retries=0) as client:
        yield client


def item(text: str, role: str = "user") -> dict:
    return {"type": "message", "role": role, "content": [{"type": "input_text", "text": text}]}


def until(connection, kind: str):
    """Return the next event of a kind, reading on until it comes."""
    while True:
        event = connection.recv()
        if event.type == kind:
            return event


def ask(connection, text: str, **parameters):
    connection.conversation.item.create(item=item(text))
    connection.response.create(**({"response": parameters} if parameters else {}))


def answer(connection, text: str, **parameters):
    ask(connection, text, **parameters)
    return until(connection, "response.done").response


@contextlib.contextmanager
def session(client, **settings):
    """Connect, with the session's settings made."""
    with client.realtime.connect(model="scripted") as connection:
        connection.session.update(session={**TEXT, **settings})
        yield connection


def expected(url: str, response, conversation: str) -> dict:
    address = urlsplit(url)
    return {
        names.OPERATION: "chat",
        names.PROVIDER: "openai",
        names.REQUEST_MODEL: "scripted",
        names.SERVER_ADDRESS: address.hostname,
        names.SERVER_PORT: address.port,
        names.REQUEST_STREAM: True,
        names.CONVERSATION_ID: conversation,
        names.OUTPUT_TYPE: "text",
        names.RESPONSE_ID: response.id,
        names.RESPONSE_MODEL: "scripted",
        names.RESPONSE_FINISH_REASONS: ("stop",),
        names.USAGE_INPUT_TOKENS: 4,
        names.USAGE_OUTPUT_TOKENS: 3,
        names.USAGE_CACHE_READ_INPUT_TOKENS: 0,
        names.USAGE_TEXT_INPUT_TOKENS: 4,
        names.USAGE_AUDIO_INPUT_TOKENS: 0,
        names.USAGE_IMAGE_INPUT_TOKENS: 0,
        names.USAGE_TEXT_OUTPUT_TOKENS: 3,
        names.USAGE_AUDIO_OUTPUT_TOKENS: 0,
    }


def attributes_of(span) -> dict:
    attributes = dict(span.attributes)
    attributes.pop(names.USAGE_COST, None)
    attributes.pop(names.USAGE_COST_SOURCE, None)
    return attributes


def test_a_response_is_one_span_with_all_that_it_says(instrumented, client, url):
    with session(client, max_output_tokens=200) as connection:
        assert type(connection) is RealtimeConnection
        created = until(connection, "session.created")
        response = answer(connection, "Hello you", max_output_tokens=100)

    span = instrumented.span
    assert span.name == "chat scripted"
    assert span.kind is SpanKind.CLIENT
    assert span.status.status_code is StatusCode.UNSET
    attributes = attributes_of(span)
    first_chunk_s = attributes.pop(names.RESPONSE_TIME_TO_FIRST_CHUNK)
    assert 0 < first_chunk_s < (span.end_time - span.start_time) / 1e9
    assert attributes == {**expected(url, response, created.session.id), names.REQUEST_MAX_TOKENS: 100}


def test_an_asynchronous_connection_is_recorded_as_a_synchronous_one(instrumented, url):
    async def converse():
        events = {}
        async with (
            openai.AsyncOpenAI(api_key="none", base_url=url) as client,
            client.realtime.connect(model="scripted") as connection,
        ):
            await connection.session.update(session=TEXT)
            await connection.conversation.item.create(item=item("Hello you"))
            await connection.response.create()
            async for event in connection:
                events[event.type] = event
                if event.type == "response.done":
                    break
        return events["response.done"].response, events["session.created"].session.id

    response, session_id = asyncio.run(converse())

    attributes = attributes_of(instrumented.span)
    assert attributes.pop(names.RESPONSE_TIME_TO_FIRST_CHUNK) > 0
    assert attributes == expected(url, response, session_id)


def test_a_response_gives_the_points_of_a_stream(instrumented, client):
    with session(client) as connection:
        answer(connection, "Hello you")

    (duration,) = instrumented.points(names.OPERATION_DURATION.name)
    assert duration.attributes[names.RESPONSE_MODEL] == "scripted"
    (first,) = instrumented.points(names.TIME_TO_FIRST_CHUNK.name)
    assert first.sum == instrumented.span.attributes[names.RESPONSE_TIME_TO_FIRST_CHUNK]
    (per_chunk,) = instrumented.points(names.TIME_PER_OUTPUT_CHUNK.name)
    assert per_chunk.count == 2


def test_a_spoken_response_has_its_tokens_by_modality(instrumented, client):
    with session(client, output_modalities=["audio"]) as connection:
        answer(connection, "voice")

    attributes = instrumented.span.attributes
    assert attributes[names.OUTPUT_TYPE] == "speech"
    assert {
        name: attributes[name]
        for name in attributes
        if name.startswith("gen_ai.usage.") and name != names.USAGE_COST
    } == {
        names.USAGE_INPUT_TOKENS: 100,
        names.USAGE_OUTPUT_TOKENS: 50,
        names.USAGE_CACHE_READ_INPUT_TOKENS: 40,
        names.USAGE_TEXT_INPUT_TOKENS: 40,
        names.USAGE_AUDIO_INPUT_TOKENS: 60,
        names.USAGE_IMAGE_INPUT_TOKENS: 0,
        names.USAGE_TEXT_OUTPUT_TOKENS: 20,
        names.USAGE_AUDIO_OUTPUT_TOKENS: 30,
    }


def test_each_response_of_a_connection_is_a_span_under_that_in_which_it_is_asked_for(instrumented, client):
    tracer = instrumented.tracer_provider.get_tracer("test")
    with session(client) as connection:
        with tracer.start_as_current_span("first turn") as parent:
            answer(connection, "One")
        answer(connection, "Two")

    first, _, second = instrumented.spans
    assert first.parent.span_id == parent.get_span_context().span_id
    assert second.parent is None
    assert first.attributes[names.CONVERSATION_ID] == second.attributes[names.CONVERSATION_ID]
    assert first.attributes[names.RESPONSE_ID] != second.attributes[names.RESPONSE_ID]


def test_the_conversation_that_the_app_names_comes_before_the_session(instrumented, client):
    with session(client) as connection, otel_llm.context(conversation="mine"):
        answer(connection, "Hello")

    assert instrumented.span.attributes[names.CONVERSATION_ID] == "mine"


def test_responses_beside_the_conversation_overlap_with_it(instrumented, client):
    with session(client) as connection:
        ask(connection, "slow")
        aside = {"conversation": "none", "metadata": {"topic": "a"}, "input": [item("long")]}
        connection.response.create(response=aside)
        other = {"conversation": "none", "metadata": {"topic": "b"}, "input": [item("outage")]}
        connection.response.create(response=other)
        ended = {until(connection, "response.done").response.status for _ in range(2)}
        connection.response.cancel()
        cancelled = until(connection, "response.done").response

    assert ended == {"incomplete", "failed"}
    by_reason = {span.attributes[names.RESPONSE_FINISH_REASONS]: span for span in instrumented.spans}
    assert by_reason.keys() == {("length",), ("error",), ("cancelled",)}
    assert by_reason["error",].attributes[names.ERROR_TYPE] == "model_overloaded"
    assert by_reason["error",].status.status_code is StatusCode.ERROR
    assert by_reason["cancelled",].attributes[names.RESPONSE_ID] == cancelled.id
    assert by_reason["cancelled",].status.status_code is StatusCode.UNSET
    assert by_reason["cancelled",].start_time < min(span.start_time for span in instrumented.spans[:2])


def test_a_response_that_the_server_begins_as_it_hears_the_user_finish_is_a_span(exported, client):
    exported.instrument(capture_content=True)
    detection = {"type": "server_vad", "silence_duration_ms": 100}
    listening = {"input": {"turn_detection": detection, "transcription": {"model": "scripted", "prompt": "heard"}}}
    loud = b"\x00\x40" * (PCM_SECOND // 20)
    with session(client, audio=listening) as connection:
        for sound in (loud, bytes(PCM_SECOND // 5)):
            connection.input_audio_buffer.append(audio=base64.b64encode(sound).decode())
        response = until(connection, "response.done").response

    attributes = exported.span.attributes
    assert attributes[names.RESPONSE_ID] == response.id
    assert attributes[names.REQUEST_MODEL] == "scripted"
    (heard,) = json.loads(attributes[names.INPUT_MESSAGES])
    assert heard == {"role": "user", "parts": [{"type": "text", "content": "Hello there, friend."}]}


def test_a_refused_response_is_an_error_and_the_one_that_is_under_way_goes_on(instrumented, client):
    with session(client) as connection:
        ask(connection, "slow")
        until(connection, "response.output_text.delta")
        connection.response.create()
        until(connection, "error")
        both = {"output_modalities": ["text", "audio"]}
        connection.response.create(response=both)
        until(connection, "error")
        connection.response.create(event_id="mine", response=both)
        until(connection, "error")
        connection.response.cancel()
        until(connection, "response.done")

    errors = [span.attributes.get(names.ERROR_TYPE) for span in instrumented.spans]
    assert errors == ["conversation_already_has_active_response", "invalid_value", "invalid_value", None]
    assert instrumented.spans[3].attributes[names.RESPONSE_FINISH_REASONS] == ("cancelled",)


def test_an_error_of_another_event_is_no_responses(instrumented, client):
    with session(client) as connection:
        connection.conversation.item.delete(item_id="none")
        response = answer(connection, "Hello")

    attributes = instrumented.span.attributes
    assert names.ERROR_TYPE not in attributes
    assert attributes[names.RESPONSE_ID] == response.id


def test_a_connection_closed_midway_ends_its_span_with_what_came(exported, client):
    exported.instrument(capture_content=True)
    with session(client) as connection:
        ask(connection, "slow")
        until(connection, "response.output_text.delta")

    span = exported.span
    assert span.status.status_code is StatusCode.UNSET
    assert names.USAGE_INPUT_TOKENS not in span.attributes
    assert span.attributes[names.RESPONSE_ID]
    assert json.loads(span.attributes[names.OUTPUT_MESSAGES]) == [
        {"role": "assistant", "parts": [{"type": "text", "content": "One"}], "finish_reason": "error"}
    ]


def test_the_apps_own_exception_is_the_error_of_the_response_it_leaves(instrumented, client):
    def converse():
        with session(client) as connection:
            ask(connection, "slow")
            until(connection, "response.output_text.delta")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        converse()

    assert instrumented.span.attributes[names.ERROR_TYPE] == "ZeroDivisionError"


def test_a_connection_that_breaks_is_the_error_of_the_response_under_way(instrumented, client):
    with session(client) as connection:
        ask(connection, "break")
        with pytest.raises(ConnectionClosedError):
            until(connection, "response.done")

    span = instrumented.span
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes[names.ERROR_TYPE] == "ConnectionClosedError"
    assert names.RESPONSE_TIME_TO_FIRST_CHUNK in span.attributes


def test_a_response_that_cannot_be_asked_for_is_an_error(instrumented, client):
    with session(client) as connection:
        connection._connection.close()
        with pytest.raises(ConnectionClosed) as raised:
            connection.response.create()

    assert instrumented.span.attributes[names.ERROR_TYPE] == type(raised.value).__qualname__


def test_a_connection_that_is_dropped_ends_its_span(instrumented, client):
    connection = client.realtime.connect(model="scripted").enter()
    websocket = connection._connection
    connection.session.update(session=TEXT)
    ask(connection, "slow")
    until(connection, "response.output_text.delta")
    assert instrumented.spans == []
    del connection
    gc.collect()

    assert instrumented.span.attributes[names.RESPONSE_ID]
    websocket.close()


def test_a_wait_that_is_given_up_ends_nothing(instrumented, url):
    async def converse():
        async with (
            openai.AsyncOpenAI(api_key="none", base_url=url) as client,
            client.realtime.connect(model="scripted") as connection,
        ):
            await connection.session.update(session=TEXT)
            await connection.conversation.item.create(item=item("slow"))
            await connection.response.create()
            while (await connection.recv()).type != "response.output_text.delta":
                pass
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(connection.recv(), 0.05)
            assert instrumented.span_exporter.get_finished_spans() == ()
            await connection.response.cancel()
            while (await connection.recv()).type != "response.done":
                pass

    asyncio.run(converse())

    assert instrumented.span.attributes[names.RESPONSE_FINISH_REASONS] == ("cancelled",)


def test_events_that_the_app_parses_or_has_dispatched_count_as_those_it_receives(instrumented, client):
    with session(client) as connection:
        ask(connection, "parsed")
        while connection.parse_event(connection.recv_bytes()).type != "response.done":
            pass
        connection.on("response.done", lambda _: connection.close())
        ask(connection, "dispatched")
        with contextlib.suppress(ConnectionClosed):
            connection.dispatch_events()

    assert [span.attributes[names.RESPONSE_FINISH_REASONS] for span in instrumented.spans] == [("stop",)] * 2


def test_what_is_sent_before_there_is_a_connection_is_seen_when_it_is_answered(instrumented, client):
    manager = client.realtime.connect(model="scripted")
    manager.send({"type": "conversation.item.create", "item": item("Hello")})
    manager.send({"type": "response.create", "response": {"output_modalities": ["text"]}})
    with manager as connection:
        response = until(connection, "response.done").response

    assert instrumented.span.attributes[names.RESPONSE_ID] == response.id


def test_reading_and_asking_may_be_two_threads(instrumented, client):
    with session(client) as connection:
        done = threading.Semaphore(0)

        def read():
            for event in connection:
                if event.type == "response.done":
                    done.release()

        thread = threading.Thread(target=read)
        thread.start()
        for _ in range(3):
            ask(connection, "Hello")
            assert done.acquire(timeout=20)
        connection.close()
        thread.join()

    assert len(instrumented.spans) == 3


def test_no_content_is_recorded_unless_it_is_asked_for(instrumented, client):
    with session(client) as connection:
        answer(connection, "secret")

    assert "secret" not in str(dict(instrumented.span.attributes))
    assert not instrumented.logs


def test_content_is_the_conversation_so_far_and_the_transcripts_of_what_was_spoken(exported, client):
    exported.instrument(capture_content=True)
    tool = {"type": "function", "name": "weather", "description": "Tells.", "parameters": {"type": "object"}}
    with session(client, output_modalities=["audio"], tools=[tool]) as connection:
        answer(connection, "voice")
        called = answer(connection, "weather")
        call_id = called.output[0].call_id
        output = {"type": "function_call_output", "call_id": call_id, "output": '{"sky": "clear"}'}
        connection.conversation.item.create(item=output)
        connection.response.create(response={"instructions": "Be long."})
        until(connection, "response.done")

    first, second, third = exported.spans
    assert json.loads(first.attributes[names.SYSTEM_INSTRUCTIONS]) == [{"type": "text", "content": "Be brief."}]
    assert json.loads(first.attributes[names.TOOL_DEFINITIONS]) == [tool]
    voice = {"role": "user", "parts": [{"type": "text", "content": "voice"}]}
    spoken = {"role": "assistant", "parts": [{"type": "text", "content": "I can speak."}]}
    assert json.loads(first.attributes[names.INPUT_MESSAGES]) == [voice]
    assert json.loads(first.attributes[names.OUTPUT_MESSAGES]) == [{**spoken, "finish_reason": "stop"}]
    weather = {"role": "user", "parts": [{"type": "text", "content": "weather"}]}
    call = {"type": "tool_call", "id": call_id, "name": "weather", "arguments": {"city": "Graz"}}
    assert json.loads(second.attributes[names.INPUT_MESSAGES]) == [voice, spoken, weather]
    assert json.loads(second.attributes[names.OUTPUT_MESSAGES]) == [
        {"role": "assistant", "parts": [call], "finish_reason": "tool_call"}
    ]
    assert second.attributes[names.RESPONSE_FINISH_REASONS] == ("tool_call",)
    assert json.loads(third.attributes[names.SYSTEM_INSTRUCTIONS]) == [{"type": "text", "content": "Be long."}]
    assert json.loads(third.attributes[names.INPUT_MESSAGES])[-1]["parts"] == [
        {"type": "tool_call_response", "id": call_id, "response": '{"sky": "clear"}'}
    ]
    silence = base64.b64encode(bytes(60)).decode()
    assert not any(silence in str(dict(span.attributes)) for span in exported.spans)


def test_azures_client_is_azures_and_its_deployment_the_model(instrumented, url):
    options = {"azure_endpoint": url.removesuffix("/v1"), "api_version": "2025-04-01-preview", "api_key": "none"}
    websockets_url = f"{url.removesuffix('/v1').replace('http', 'ws', 1)}/openai"
    with (
        openai.AzureOpenAI(**options, azure_deployment="scripted", websocket_base_url=websockets_url) as client,
        client.realtime.connect(model="gpt-realtime") as connection,
    ):
        connection.session.update(session=TEXT)
        answer(connection, "Hello")

    attributes = instrumented.span.attributes
    assert attributes[names.PROVIDER] == "azure.ai.openai"
    assert attributes[names.REQUEST_MODEL] == "scripted"
    assert attributes[names.SERVER_PORT] == urlsplit(url).port


def test_a_model_that_is_not_named_is_that_of_the_session(instrumented, client):
    with client.realtime.connect(extra_query={"model": "scripted"}) as connection:
        connection.session.update(session=TEXT)
        until(connection, "session.updated")
        answer(connection, "Hello")

    assert instrumented.span.name == "chat scripted"


@contextlib.contextmanager
def served(handle):
    """Serve WebSockets otherwise than the scripted model does; gives the port."""
    with serve(handle, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.socket.getsockname()[1]
        server.shutdown()
        thread.join()


def urls(port: int) -> dict:
    return {"base_url": f"http://127.0.0.1:{port}/v1", "websocket_base_url": f"ws://127.0.0.1:{port}/v1"}


@pytest.mark.parametrize("goes_on", [True, False], ids=["answered after all", "never answered"])
def test_an_error_that_names_nothing_is_that_of_a_response_that_never_comes(instrumented, goes_on):
    def answer_once(websocket):
        assert json.loads(websocket.recv())["type"] == "response.create"
        websocket.send(json.dumps({"type": "error", "error": {"type": "server_error", "message": "Oh."}}))
        if goes_on:
            for kind in ("response.created", "response.done"):
                websocket.send(json.dumps({"type": kind, "response": {"id": "resp_1", "status": "completed"}}))

    with (
        served(answer_once) as port,
        openai.OpenAI(api_key="none", **urls(port)) as client,
        client.realtime.connect(model="m") as connection,
    ):
        connection.response.create()
        until(connection, "response.done" if goes_on else "error")

    assert instrumented.span.attributes.get(names.ERROR_TYPE) == (None if goes_on else "server_error")


def test_the_older_interface_is_recorded_as_the_newer_one(exported):
    exported.instrument(capture_content=True)
    response = {"object": "realtime.response", "id": "resp_1", "conversation_id": "conv_1"}
    content = [{"type": "text", "text": "Hello."}]
    message = {"id": "item_2", "type": "message", "role": "assistant", "status": "completed", "content": content}
    usage = {
        "total_tokens": 15, "input_tokens": 11, "output_tokens": 4,
        "input_token_details": {"text_tokens": 11, "audio_tokens": 0, "cached_tokens": 8},
        "output_token_details": {"text_tokens": 4, "audio_tokens": 0},
    }  # fmt: skip
    settings = {"model": "gpt-4o-realtime-preview", "modalities": ["text"], "max_response_output_tokens": 50}
    events = [
        {"type": "response.created", "response": {**response, "status": "in_progress", "output": []}},
        {"type": "response.text.delta", "response_id": "resp_1", "item_id": "item_2", "delta": "Hello."},
        {
            "type": "response.done",
            "response": {**response, "status": "completed", "output": [message], "usage": usage},
        },
    ]

    def answer_once(websocket):
        created = {"id": "sess_1", "temperature": 0.8, **settings}
        websocket.send(json.dumps({"type": "session.created", "session": created}))
        asked = json.loads(websocket.recv())
        websocket.send(
            json.dumps({"type": "conversation.item.created", "item": {"id": "item_1", **asked["item"]}})
        )
        assert json.loads(websocket.recv())["type"] == "response.create"
        for event in events:
            websocket.send(json.dumps(event))

    authorization = {"Authorization": "Bearer none"}
    with (
        served(answer_once) as port,
        openai.OpenAI(api_key="none", default_headers=authorization, **urls(port)) as client,
        client.beta.realtime.connect(model="gpt-4o-realtime", extra_headers=authorization) as connection,
    ):
        connection.conversation.item.create(item=item("Hello?"))
        connection.response.create()
        until(connection, "response.done")

    attributes = attributes_of(exported.span)
    assert attributes.pop(names.RESPONSE_TIME_TO_FIRST_CHUNK) > 0
    messages = {name: json.loads(attributes.pop(name)) for name in (names.INPUT_MESSAGES, names.OUTPUT_MESSAGES)}
    assert attributes == {
        names.OPERATION: "chat",
        names.PROVIDER: "openai",
        names.REQUEST_MODEL: "gpt-4o-realtime",
        names.SERVER_ADDRESS: "127.0.0.1",
        names.SERVER_PORT: port,
        names.REQUEST_STREAM: True,
        names.REQUEST_TEMPERATURE: 0.8,
        names.REQUEST_MAX_TOKENS: 50,
        names.OUTPUT_TYPE: "text",
        names.CONVERSATION_ID: "sess_1",
        names.RESPONSE_ID: "resp_1",
        names.RESPONSE_MODEL: "gpt-4o-realtime-preview",
        names.RESPONSE_FINISH_REASONS: ("stop",),
        names.USAGE_INPUT_TOKENS: 11,
        names.USAGE_OUTPUT_TOKENS: 4,
        names.USAGE_CACHE_READ_INPUT_TOKENS: 8,
        names.USAGE_TEXT_INPUT_TOKENS: 11,
        names.USAGE_AUDIO_INPUT_TOKENS: 0,
        names.USAGE_TEXT_OUTPUT_TOKENS: 4,
        names.USAGE_AUDIO_OUTPUT_TOKENS: 0,
    }
    assert messages == {
        names.INPUT_MESSAGES: [{"role": "user", "parts": [{"type": "text", "content": "Hello?"}]}],
        names.OUTPUT_MESSAGES: [
            {"role": "assistant", "parts": [{"type": "text", "content": "Hello."}], "finish_reason": "stop"}
        ],
    }


@pytest.mark.parametrize("method", ["__init__", "sending", "received", "close"])
def test_a_failure_of_ours_leaves_the_conversation_as_it_is(exported, client, monkeypatch, caplog, method):
    def fail(*_):
        raise RuntimeError("ours")

    monkeypatch.setattr(Session, method, fail)
    exported.instrument(debug_raise=False)
    with session(client) as connection:
        assert answer(connection, "Hello").status == "completed"

    assert sum("RuntimeError: ours" in record.message for record in caplog.records) == 1


def test_nothing_is_left_of_it_after_uninstrument(exported, client):
    patched = ("send", "parse_event", "recv_bytes", "close")
    before = {name: getattr(RealtimeConnection, name) for name in patched}
    exported.instrument()
    during = {name: getattr(RealtimeConnection, name) for name in patched}
    otel_llm.uninstrument()
    after = {name: getattr(RealtimeConnection, name) for name in patched}
    with session(client) as connection:
        answer(connection, "Hello")

    assert all(before[name] is not during[name] for name in patched)
    assert after == before
    assert exported.spans == []


@pytest.mark.parametrize("installed", [True, False], ids=["installed", "not installed"])
def test_without_a_connection_nothing_of_websockets_is_imported(installed):
    program = f"""
import sys
if not {installed}:
    sys.modules["websockets"] = None
import otel_llm
otel_llm.instrument(sdk=False, debug_raise=True)
import openai
manager = openai.OpenAI(api_key="none", base_url="http://127.0.0.1:9/v1").realtime.connect(model="m")
assert not any(name.startswith("websockets.") for name in sys.modules)
try:
    manager.enter()
except (openai.OpenAIError, OSError) as error:
    print(type(error).__name__)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert done.stdout.strip() == ("ConnectionRefusedError" if installed else "OpenAIError"), done.stderr


def test_nothing_is_kept_of_a_response_that_has_ended(instrumented, client):
    gc.collect()
    others = [each for each in gc.get_objects() if isinstance(each, Turn | LiveCall)]  # of other tests' exceptions
    with session(client) as connection:
        for _ in range(3):
            answer(connection, "Hello")
        assert len(instrumented.spans) == 3
        gc.collect()
        left = [each for each in gc.get_objects() if isinstance(each, Turn | LiveCall)]
        assert [each for each in left if each not in others] == []
