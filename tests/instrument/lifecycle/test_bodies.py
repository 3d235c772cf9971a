"""`with_streaming_response`: whatever way the app reads a body, its call has what the body said."""

import asyncio
import gc
import gzip
import json
import pickle
import time

import openai
import pytest
from in_process import COMPLETION, Pieces, chunk, httpx, sse
from opentelemetry.trace import StatusCode

from otel_llm import names

ASK = [{"role": "user", "content": "count"}]
LONG = [{"role": "user", "content": "long"}]
VARYING = {names.RESPONSE_ID, names.RESPONSE_TIME_TO_FIRST_CHUNK, names.SERVER_ADDRESS, names.SERVER_PORT}
CALL = {names.OPERATION: "chat", names.PROVIDER: "openai", names.REQUEST_MODEL: "scripted"}
STREAM = {**CALL, names.REQUEST_STREAM: True}
TOKENS = {
    names.USAGE_INPUT_TOKENS: 20,
    names.USAGE_OUTPUT_TOKENS: 3,
    names.USAGE_CACHE_READ_INPUT_TOKENS: 0,
    names.USAGE_REASONING_OUTPUT_TOKENS: 0,
    names.USAGE_COST: pytest.approx(26e-6),
    names.USAGE_COST_SOURCE: "own",
}
READ = {names.RESPONSE_MODEL: "scripted", names.RESPONSE_FINISH_REASONS: ("stop",), **TOKENS}

WAYS = {
    "lines": lambda response: list(response.iter_lines()),
    "bytes": lambda response: b"".join(response.iter_bytes()),
    "small pieces": lambda response: list(response.iter_bytes(7)),
    "text": lambda response: "".join(response.iter_text()),
    "all at once": lambda response: response.read(),
    "the client's own stream": lambda response: list(response.parse()),
    "raw bytes of the HTTP library": lambda response: list(response.http_response.iter_raw()),
}


def fixed(span):
    return {name: value for name, value in span.attributes.items() if name not in VARYING}


def streaming(client, messages=ASK):
    return client.chat.completions.with_streaming_response.create(
        model="scripted",
        messages=messages,
        stream=True,
        stream_options={"include_usage": True},
    )


@pytest.mark.parametrize("way", WAYS)
def test_the_tokens_of_a_stream_are_recovered_however_it_is_read(instrumented, client, way):
    with streaming(client) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        assert WAYS[way](response)

    span = instrumented.span
    assert fixed(span) == {**STREAM, **READ}
    assert span.status.status_code is StatusCode.UNSET
    assert 0 < span.attributes[names.RESPONSE_TIME_TO_FIRST_CHUNK] < 10
    (gaps,) = instrumented.points(names.TIME_PER_OUTPUT_CHUNK.name)
    assert gaps.count == 5  # role, three words, finish, usage


@pytest.mark.parametrize("way", ["read", "json", "parse", "iter_lines"])
def test_the_tokens_of_a_whole_response_are_recovered(instrumented, client, way):
    with client.chat.completions.with_streaming_response.create(model="scripted", messages=ASK) as response:
        read = getattr(response, way)()
        assert list(read) if way == "iter_lines" else read

    assert fixed(instrumented.span) == {**CALL, **READ}


def test_the_content_of_a_stream_is_recovered(exported, client):
    exported.instrument(capture_content=True)
    with streaming(client) as response:
        response.read()

    (message,) = json.loads(exported.span.attributes[names.OUTPUT_MESSAGES])
    assert message == {
        "role": "assistant",
        "parts": [{"type": "text", "content": "one two three"}],
        "finish_reason": "stop",
    }


def test_an_asynchronous_body_is_read_along(instrumented, async_client):
    async def main():
        async with async_client, streaming(async_client) as response:
            return [line async for line in response.iter_lines()]

    assert any("two" in line for line in asyncio.run(main()))
    assert fixed(instrumented.span) == {**STREAM, **READ}


def test_a_body_left_midway_has_what_came(instrumented, client):
    with streaming(client, LONG) as response:
        for line in response.iter_lines():
            if "one" in line:
                break

    assert fixed(instrumented.span) == {**STREAM, names.RESPONSE_MODEL: "scripted"}


def test_the_callers_exception_in_the_block_is_on_the_span(instrumented, client):
    with pytest.raises(ValueError, match="mine"), streaming(client, LONG) as response:  # noqa: PT012
        lines = response.iter_lines()  # kept: dropped, it would close the body
        next(lines)
        raise ValueError("mine")

    assert instrumented.span.attributes[names.ERROR_TYPE] == "ValueError"


def test_a_body_that_is_never_read_claims_no_tokens(instrumented, client):
    with streaming(client):
        pass

    assert fixed(instrumented.span) == STREAM


def test_a_response_that_nobody_closes_ends_its_span_when_it_is_dropped(instrumented, client):
    manager = streaming(client, LONG)
    response = manager.__enter__()
    lines = response.iter_lines()
    assert "data" in next(lines)
    del manager, response, lines
    gc.collect()

    assert fixed(instrumented.span)[names.REQUEST_MODEL] == "scripted"


def test_a_refused_request_is_a_failed_call(instrumented, client):
    with pytest.raises(openai.RateLimitError), streaming(client, [{"role": "user", "content": "rate limit"}]):
        pass

    assert fixed(instrumented.span) == {**STREAM, names.ERROR_TYPE: "RateLimitError"}


def test_an_open_response_is_pickled_as_before(exported, client):
    with streaming(client) as response:
        before = pickle.dumps(response.http_response)
    exported.instrument()
    with streaming(client) as response:
        after = pickle.loads(pickle.dumps(response.http_response))
        assert after.status_code == pickle.loads(before).status_code == 200
        assert isinstance(response.http_response.stream, httpx.SyncByteStream)
        response.read()

    assert names.USAGE_INPUT_TOKENS in exported.span.attributes


def client_of(body, **headers):
    """Return a client whose server sends a body in small pieces."""

    def handler(_):
        return httpx.Response(200, headers=headers, stream=Pieces(body))

    http_client = httpx.Client(transport=httpx.MockTransport(handler))
    return openai.OpenAI(api_key="none", max_retries=0, http_client=http_client)


def ask_for(client, **options):
    return client.chat.completions.with_streaming_response.create(model="gpt-4o-mini", messages=[], **options)


def test_a_compressed_body_is_read_along(instrumented):
    body = gzip.compress(json.dumps(COMPLETION).encode())
    client = client_of(body, **{"content-type": "application/json", "content-encoding": "gzip"})
    with ask_for(client) as response:
        assert response.json()["id"] == "chatcmpl-1"

    assert instrumented.span.attributes[names.USAGE_OUTPUT_TOKENS] == 5


def test_an_event_of_megabytes_takes_no_longer_than_its_length(instrumented):
    event = chunk({"content": "x" * 3_000_000})
    client = client_of(sse(event), **{"content-type": "text/event-stream"})  # in 270,000 pieces
    began = time.thread_time()
    with ask_for(client, stream=True) as response:
        response.read()

    assert time.thread_time() - began < 10  # minutes, if each piece made the line be copied
    assert instrumented.span.attributes[names.RESPONSE_ID] == "chatcmpl-1"


def test_an_error_in_a_stream_is_no_chunk(instrumented):
    events = [chunk({"content": "It "}), {"error": {"message": "Overloaded."}}]
    body = "".join(f"data: {json.dumps(event)}\r\n\r\n" for event in events).encode()
    with ask_for(client_of(body, **{"content-type": "text/event-stream"}), stream=True) as response:
        assert len(list(response.iter_lines())) == 4

    assert instrumented.span.attributes[names.RESPONSE_ID] == "chatcmpl-1"


def test_a_body_of_an_unknown_kind_is_left_alone(instrumented):
    with ask_for(client_of(b"\x00\xff" * 500, **{"content-type": "application/octet-stream"})) as response:
        assert len(response.read()) == 1000

    assert names.RESPONSE_ID not in instrumented.span.attributes


@pytest.mark.parametrize("body", [b"{", b"data: {\n\n", b"[1, 2]", b"null"])
@pytest.mark.parametrize("media_type", ["application/json", "text/event-stream"])
def test_a_body_that_is_broken_reaches_the_app_as_it_is(exported, body, media_type):
    exported.instrument(debug_raise=False)
    with ask_for(client_of(body, **{"content-type": media_type}), stream=True) as response:
        assert response.read() == body

    assert exported.span.attributes[names.ERROR_TYPE] == "no_answer"
