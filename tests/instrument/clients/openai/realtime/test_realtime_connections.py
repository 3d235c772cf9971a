"""How apps use realtime connections: event by event, in two threads, of Azure, by the older interface."""

import contextlib
import json
import subprocess
import sys
import threading
from urllib.parse import urlsplit

import openai
import pytest
from openai.resources.realtime.realtime import RealtimeConnection
from realtime_calls import TEXT, answer, ask, attributes_of, item, served, session, until, urls
from websockets.exceptions import ConnectionClosed

import otel_llm
from otel_llm import names
from otel_llm.instrument.clients.openai.realtime_session import Session


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
