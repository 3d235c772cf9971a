"""The Realtime API of the real client, against the scripted model over a WebSocket: a span for each response."""

import asyncio
import base64
import json

import openai
from openai.resources.realtime.realtime import RealtimeConnection
from opentelemetry.trace import SpanKind, StatusCode
from realtime_calls import TEXT, answer, ask, attributes_of, expected, item, session, until

import otel_llm
from otel_llm import names

PCM_SECOND = 48_000  # bytes of 16-bit PCM at 24 kHz


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
