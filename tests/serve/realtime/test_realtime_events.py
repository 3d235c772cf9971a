"""The Realtime API of the server: which events follow which, by the real client."""

import base64
import json
from contextlib import contextmanager

import httpx
import openai
import pytest
from realtime_script import SCRIPT
from websockets.exceptions import ConnectionClosedError

TEXT = {"type": "realtime", "output_modalities": ["text"]}


def item(text):
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


@contextmanager
def connected(scripted, **settings):
    with scripted(SCRIPT).realtime.connect(model="scripted") as connection:
        assert connection.recv().type == "session.created"
        if settings:
            connection.session.update(session={"type": "realtime", **settings})
            assert connection.recv().type == "session.updated"
        yield connection


def events_until(connection, kind):
    events = []
    while not events or events[-1].type != kind:
        events.append(connection.recv())
    return events


def ask(connection, text):
    connection.conversation.item.create(item=item(text))
    connection.response.create()
    return events_until(connection, "response.done")


def test_a_response_of_text_is_the_events_of_the_api_in_their_order(scripted):
    with connected(scripted, output_modalities=["text"]) as connection:
        events = ask(connection, "Hello")

    assert [event.type for event in events] == [
        "conversation.item.added",
        "conversation.item.done",
        "response.created",
        "rate_limits.updated",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "conversation.item.added",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
    ]
    assert len({event.event_id for event in events}) == len(events)
    response = events[-1].response
    assert (response.status, response.output_modalities) == ("completed", ["text"])
    assert response.output[0].content[0].text == "Hello there."
    assert response.output[0].id == events[4].item.id
    assert response.conversation_id
    assert response.usage.to_dict() == {
        "total_tokens": 3,
        "input_tokens": 1,
        "output_tokens": 2,
        "input_token_details": {
            "text_tokens": 1,
            "audio_tokens": 0,
            "image_tokens": 0,
            "cached_tokens": 0,
            "cached_tokens_details": {"text_tokens": 0, "audio_tokens": 0, "image_tokens": 0},
        },
        "output_token_details": {"text_tokens": 2, "audio_tokens": 0},
    }


def test_a_spoken_response_is_a_transcript_and_silence(scripted):
    with connected(scripted) as connection:
        events = ask(connection, "Hello")

    words = [event.delta for event in events if event.type == "response.output_audio_transcript.delta"]
    sounds = [event.delta for event in events if event.type == "response.output_audio.delta"]
    assert words == ["Hello", " there."]
    assert {base64.b64decode(sound) for sound in sounds} == {bytes(960)}
    assert events[-1].response.output[0].content[0].transcript == "Hello there."


def test_a_tools_call_is_an_item_of_its_own_and_its_output_goes_into_the_conversation(scripted):
    with connected(scripted, output_modalities=["text"]) as connection:
        (call,) = ask(connection, "weather")[-1].response.output
        connection.conversation.item.create(
            item={"type": "function_call_output", "call_id": call.call_id, "output": "clear"}
        )
        added = events_until(connection, "conversation.item.done")[-1].item

    assert (call.type, call.name, json.loads(call.arguments)) == ("function_call", "weather", {"city": "Graz"})
    assert (added.type, added.call_id, added.output) == ("function_call_output", call.call_id, "clear")


@pytest.mark.parametrize(
    ("text", "status", "details"),
    [
        ("cut", "incomplete", {"type": "incomplete", "reason": "max_output_tokens"}),
        (
            "outage",
            "failed",
            {
                "type": "failed",
                "error": {"type": "server_error", "code": "overloaded", "message": "No more."},
            },
        ),
    ],
)
def test_how_a_response_ended_is_in_its_status(scripted, text, status, details):
    with connected(scripted, output_modalities=["text"]) as connection:
        response = ask(connection, text)[-1].response

    assert response.status == status
    assert response.status_details.to_dict() == details


def test_a_response_is_cancelled_with_what_came_of_it(scripted):
    with connected(scripted, output_modalities=["text"]) as connection:
        connection.conversation.item.create(item=item("slow"))
        connection.response.create()
        events_until(connection, "response.output_text.delta")
        connection.response.cancel()
        response = events_until(connection, "response.done")[-1].response
        connection.response.cancel()
        error = connection.recv().error

    assert (response.status, response.status_details.reason) == ("cancelled", "client_cancelled")
    assert (response.output[0].status, response.output[0].content[0].text) == ("incomplete", "One")
    assert error.code == "response_cancel_not_active"


def test_a_conversation_has_one_response_at_a_time_and_others_go_beside_it(scripted):
    with connected(scripted, output_modalities=["text"]) as connection:
        connection.conversation.item.create(item=item("slow"))
        connection.response.create()
        events_until(connection, "response.output_text.delta")
        connection.response.create(event_id="second")
        error = events_until(connection, "error")[-1].error
        aside = {"conversation": "none", "input": [item("Hello")], "metadata": {"topic": "aside"}}
        connection.response.create(response=aside)
        events = events_until(connection, "response.done")

    assert (error.code, error.event_id) == ("conversation_already_has_active_response", "second")
    assert events[-1].response.metadata == {"topic": "aside"}
    assert events[-1].response.conversation_id is None
    assert "conversation.item.added" not in {event.type for event in events}


def test_the_user_is_heard_to_begin_and_to_finish_and_is_then_answered(scripted):
    loud, silent = b"\x00\x40" * 2_400, bytes(9_600)
    detection = {"type": "server_vad", "silence_duration_ms": 100}
    transcription = {"model": "scripted", "prompt": "anything"}
    with connected(
        scripted, audio={"input": {"turn_detection": detection, "transcription": transcription}}
    ) as connection:
        for sound in (silent, loud, silent):
            connection.input_audio_buffer.append(audio=base64.b64encode(sound).decode())
        events = events_until(connection, "response.done")

    kinds = [event.type for event in events]
    assert kinds[:6] == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "conversation.item.input_audio_transcription.completed",
    ]
    assert (events[0].audio_start_ms, events[1].audio_end_ms) == (200, 400)
    assert len({event.item_id for event in (*events[:3], events[5])}) == 1
    assert events[5].transcript == "Hello there."


def test_who_begins_to_speak_interrupts_the_response(scripted):
    with connected(scripted, output_modalities=["text"]) as connection:
        connection.conversation.item.create(item=item("slow"))
        connection.response.create()
        events_until(connection, "response.output_text.delta")
        connection.input_audio_buffer.append(audio=base64.b64encode(b"\x00\x40" * 2_400).decode())
        response = events_until(connection, "response.done")[-1].response

    assert response.status_details.reason == "turn_detected"


def test_audio_is_committed_by_hand_where_nobody_listens_for_turns(scripted):
    with connected(scripted, audio={"input": {"turn_detection": None}}) as connection:
        connection.input_audio_buffer.commit()
        assert connection.recv().error.code == "input_audio_buffer_commit_empty"
        connection.input_audio_buffer.append(audio=base64.b64encode(b"\x00\x40" * 4_800).decode())
        connection.input_audio_buffer.clear()
        assert connection.recv().type == "input_audio_buffer.cleared"
        connection.input_audio_buffer.append(audio=base64.b64encode(b"\x00\x40" * 4_800).decode())
        connection.input_audio_buffer.commit()
        kinds = [connection.recv().type for _ in range(3)]

    assert kinds == ["input_audio_buffer.committed", "conversation.item.added", "conversation.item.done"]


def test_items_are_shown_and_deleted_by_their_ids(scripted):
    with connected(scripted, output_modalities=["text"]) as connection:
        connection.conversation.item.create(item={**item("Hello"), "id": "mine"})
        events_until(connection, "conversation.item.done")
        connection.conversation.item.retrieve(item_id="mine")
        assert connection.recv().item.content[0].text == "Hello"
        connection.conversation.item.delete(item_id="mine")
        assert connection.recv().item_id == "mine"
        connection.conversation.item.retrieve(item_id="mine")
        assert connection.recv().error.code == "item_not_found"


def test_a_script_breaks_the_connection_amid_a_response(scripted):
    with connected(scripted, output_modalities=["text"]) as connection:
        connection.conversation.item.create(item=item("break"))
        connection.response.create()
        with pytest.raises(ConnectionClosedError):
            events_until(connection, "response.done")


def test_a_responses_time_is_measured_as_a_chats(scripted):
    client = scripted(SCRIPT)
    with client.realtime.connect(model="scripted") as connection:
        connection.session.update(session=TEXT)
        ask(connection, "Hello")
        connection.session.update(session=TEXT)
        events_until(connection, "session.updated")  # the response's task is through by then
        metrics = httpx.get(f"{str(client.base_url).removesuffix('/v1/')}/metrics").text

    (counted,) = [
        line for line in metrics.splitlines() if line.startswith("gen_ai_server_request_duration_seconds_count")
    ]
    assert 'gen_ai_operation_name="chat"' in counted
    assert 'gen_ai_request_model="scripted"' in counted
    assert counted.endswith(" 1.0")


def test_the_client_is_told_where_the_path_is_no_websockets(scripted):
    with pytest.raises(openai.NotFoundError):
        scripted(SCRIPT).get("/realtime", cast_to=object)
