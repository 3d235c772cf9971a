"""However a response of the Realtime API ends, its span ends once, with what came."""

import asyncio
import gc
import json

import openai
import pytest
from opentelemetry.trace import StatusCode
from realtime_calls import TEXT, answer, ask, item, served, session, until, urls
from websockets.exceptions import ConnectionClosed, ConnectionClosedError

from otel_llm import names
from otel_llm.instrument.clients.openai.realtime_session import Turn
from otel_llm.instrument.lifecycle.call import LiveCall


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
        {"role": "assistant", "parts": [{"type": "text", "content": "One"}], "finish_reason": "unknown"}
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
