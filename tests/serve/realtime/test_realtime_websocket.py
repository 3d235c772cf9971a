"""The Realtime API of the server over a plain WebSocket: wrong events, and who may connect."""

import json
from urllib.parse import urlsplit

import pytest
from realtime_script import SCRIPT
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.sync.client import connect


@pytest.fixture
def websocket(scripted_url):
    url = scripted_url(SCRIPT).replace("http", "ws", 1)
    with connect(f"{url}/realtime?model=scripted") as websocket:
        assert json.loads(websocket.recv())["type"] == "session.created"
        yield websocket


@pytest.mark.parametrize(
    ("text", "code", "param"),
    [
        ("{", "invalid_json", None),
        ("[]", "invalid_json", None),
        ('{"type": "session.dance"}', "invalid_value", "type"),
        ('{"type": "session.update"}', "missing_required_parameter", "session"),
        ('{"type": "session.update", "session": {"colour": 1}}', "unknown_parameter", "session.colour"),
        (
            '{"type": "session.update", "session": {"output_modalities": ["smell"]}}',
            "invalid_value",
            "session.output_modalities.0",
        ),
        ('{"type": "session.update", "session": {"model": "another"}}', None, "session.model"),
        (
            '{"type": "session.update", "session": {"audio": {"input": {"transcription": {"model": "another"}}}}}',
            "unsupported_operation",
            "session.audio.input.transcription.model",
        ),
        ('{"type": "response.create", "response": []}', "invalid_value", "response"),
        ('{"type": "conversation.item.create", "item": {"type": "song"}}', "invalid_value", "item.type"),
        ('{"type": "input_audio_buffer.append", "audio": "%"}', "invalid_value", "audio"),
        ('{"type": "input_audio_buffer.append", "audio": "é"}', "invalid_value", "audio"),
        ("[" * 200_000, "invalid_json", None),
        ('{"type": "session.dance", "event_id": [[]]}', "invalid_value", "type"),
    ],
)
def test_an_event_that_is_wrong_is_an_error_and_the_session_goes_on(websocket, text, code, param):
    websocket.send(text)
    error = json.loads(websocket.recv())
    websocket.send('{"type": "input_audio_buffer.clear"}')

    assert error["type"] == "error"
    assert (error["error"]["code"], error["error"]["param"]) == (code, param)
    assert json.loads(websocket.recv())["type"] == "input_audio_buffer.cleared"


@pytest.mark.parametrize("depth", range(200, 1_000, 50))
def test_an_event_of_any_depth_is_an_error_and_the_session_goes_on(websocket, depth):
    deep = "[" * depth + "]" * depth
    websocket.send(f'{{"type": "session.update", "session": {{"tools": [{{"a": {deep}}}]}}}}')
    websocket.send(f'{{"type": "input_audio_buffer.dance", "event_id": {deep}}}')
    websocket.send(f'{{"type": {deep}}}')
    errors = [json.loads(websocket.recv()) for _ in range(3)]
    websocket.send('{"type": "input_audio_buffer.clear"}')

    assert {error["type"] for error in errors} == {"error"}
    assert json.loads(websocket.recv())["type"] == "input_audio_buffer.cleared"


def test_a_binary_message_is_refused_and_the_connection_closed(websocket, caplog):
    websocket.send(b"{}")
    with pytest.raises(ConnectionClosedError) as closed:
        websocket.recv()

    assert closed.value.rcvd.code == 1003
    assert closed.value.rcvd.reason == "an event must be sent as text, got a binary message"
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


def test_a_session_says_that_it_is_scripted_and_speaks_the_browsers_protocol(scripted_url):
    url = scripted_url(SCRIPT).replace("http", "ws", 1)
    with connect(f"{url}/realtime?model=scripted", subprotocols=["realtime"]) as websocket:
        assert websocket.response.headers["x-otel-llm-scripted"] == "true"
        assert websocket.subprotocol == "realtime"


@pytest.mark.parametrize(
    ("query", "headers", "status", "code"),
    [
        ("", {}, 400, "missing_required_parameter"),
        ("?model=another", {}, 404, "model_not_found"),
        ("?model=scripted", {"Origin": "https://example.com"}, 403, "origin_not_allowed"),
    ],
)
def test_who_may_not_connect_is_told_why(scripted_url, query, headers, status, code):
    url = scripted_url(SCRIPT).replace("http", "ws", 1)
    with pytest.raises(InvalidStatus) as raised:
        connect(f"{url}/realtime{query}", additional_headers=headers)

    response = raised.value.response
    assert response.status_code == status
    assert json.loads(response.body)["error"]["code"] == code


def test_a_page_of_the_servers_own_origin_may_connect(scripted_url):
    url = scripted_url(SCRIPT)
    origin = f"http://{urlsplit(url).netloc}"
    address = f"{url.replace('http', 'ws', 1)}/realtime?model=scripted"
    with connect(address, additional_headers={"Origin": origin}) as websocket:
        assert json.loads(websocket.recv())["type"] == "session.created"
