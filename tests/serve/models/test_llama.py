import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import openai
import pytest
from support.model_server import serving

from otel_llm.config.serve import ServeSettings
from otel_llm.errors import ModelError
from otel_llm.serve.models.script import Script
from otel_llm.serve.models.scripted import ScriptedModel

MODEL = "smollm2-135m-instruct.q4_1"
TOOL = {"type": "function", "function": {"name": "f"}}


@pytest.fixture(scope="module")
def url(llama):
    # closed by its own fixture: one load serves all tests
    llama.close, close = (lambda: None), llama.close
    with serving(llama, ScriptedModel(Script())) as url:
        yield url
    llama.close = close


@pytest.fixture
def client(url):
    with openai.OpenAI(base_url=url, api_key="none", max_retries=0, timeout=120) as client:
        yield client


def ask(client: openai.OpenAI, text: str = "Write a long story about a horse.", **options):
    options = {"max_tokens": 8, **options}
    return client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": text}], **options)


def test_answer_has_text_and_counts(client):
    answer = ask(client)
    assert answer.model == MODEL
    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.prompt_tokens > 8
    assert answer.usage.completion_tokens == 8
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + 8


def test_stream_has_the_same_shape_as_a_scripted_one(client):
    chunks = list(ask(client, stream=True, stream_options={"include_usage": True}))
    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1])
    assert chunks[-2].choices[0].finish_reason == "length"
    assert chunks[-1].choices == []
    assert chunks[-1].usage.completion_tokens == 8
    assert len({chunk.id for chunk in chunks}) == 1


def test_the_responses_api_is_answered_too(client):
    asked = {"model": MODEL, "input": "Write a long story about a horse.", "max_output_tokens": 8}
    answer = client.responses.create(**asked)
    assert answer.output_text
    assert (answer.status, answer.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    assert (answer.usage.output_tokens, answer.usage.output_tokens_details.reasoning_tokens) == (8, 0)
    last = list(client.responses.create(**asked, stream=True))[-1]
    assert last.type == "response.incomplete"
    assert last.response.output_text


@pytest.mark.parametrize(
    ("options", "param"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"text": {"format": {"type": "json_object"}}}, "text.format"),
        ({"max_output_tokens": 513}, "max_output_tokens"),
        ({"tools": [{"type": "web_search"}]}, "tools"),
        ({"input": [{"type": "function_call_output", "call_id": "c", "output": "x"}]}, "input"),
    ],
)
def test_the_responses_api_refuses_by_its_own_names(client, options, param):
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(**{"model": MODEL, "input": "x", **options})
    assert caught.value.body["param"] == param


@pytest.mark.parametrize("stream", [False, True])
def test_log_probabilities_come_with_each_token(client, stream):
    answer = ask(client, logprobs=True, top_logprobs=2, temperature=0, stream=stream)
    choices = [chunk.choices[0] for chunk in answer] if stream else answer.choices
    said = [choice.delta.content if stream else choice.message.content for choice in choices]
    tokens = [token for choice in choices if choice.logprobs for token in choice.logprobs.content]
    assert "".join(token.token for token in tokens) == "".join(text or "" for text in said)
    assert len(tokens) == 8
    for token in tokens:
        assert token.logprob <= 0
        assert len(token.top_logprobs) == 2
        assert token.top_logprobs[0].logprob == pytest.approx(token.logprob)  # temperature 0: the likeliest
        assert bytes(token.bytes).decode() == token.token


def test_without_top_logprobs_a_token_stands_alone(client):
    (choice,) = ask(client, logprobs=True).choices
    assert all(token.top_logprobs == [] for token in choice.logprobs.content)
    assert ask(client).choices[0].logprobs is None


def test_same_seed_gives_the_same_text_within_a_run(client):
    # the second prompt of two is read from the cache, which may round otherwise: compare the later ones
    texts = [ask(client, seed=3, temperature=1.0).choices[0].message.content for _ in range(3)]
    assert texts[1] == texts[2]


def test_choices_of_one_request_differ_and_are_all_counted(client):
    answer = ask(client, n=3, seed=1, temperature=1.5)
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    assert len({choice.message.content for choice in answer.choices}) > 1
    assert answer.usage.completion_tokens == 24


async def ask_async(url: str) -> str:
    async with openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:
        stream = await client.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": "Say hello."}], max_tokens=5, stream=True
        )
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])


def test_async_client_is_answered_too(url):
    assert asyncio.run(ask_async(url))


def test_event_loop_stays_free_while_the_model_works(client, url, llama):
    with ask(client, max_tokens=450, stream=True) as stream:
        next(iter(stream))
        for _ in range(5):
            assert httpx.get(url.removesuffix("/v1") + "/healthz", timeout=60).status_code == 200
        assert llama.slots._free._value == 1  # of two: the answer is still being made


def test_two_requests_are_worked_on_together(client):
    ended: dict[str, float] = {}
    first: dict[str, float] = {}

    def read(name: str) -> None:
        for chunk in ask(client, f"Tell a story about {name}.", max_tokens=120, stream=True):
            if chunk.choices[0].delta.content:
                first.setdefault(name, time.monotonic())
        ended[name] = time.monotonic()

    threads = [threading.Thread(target=read, args=(name,)) for name in ("a king", "a fish")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(first.values()) < min(ended.values())


def test_stream_closed_early_stops_the_engine(client, llama, monkeypatch):
    # here: the engine's library must not be loaded before its threads are told to sleep
    from otel_llm.serve.models.llama import _ChunkFeed

    chunks = []
    put = _ChunkFeed._put
    monkeypatch.setattr(_ChunkFeed, "_put", lambda feed, chunk: chunks.append(chunk) or put(feed, chunk))
    streams = [ask(client, max_tokens=450, stream=True) for _ in range(2)]
    for stream in streams:
        next(iter(stream))
    for stream in streams:
        stream.close()
    both_free = threading.Barrier(2)  # both of the engine's threads
    for waiting in [llama._threads.submit(both_free.wait, 120) for _ in streams]:
        waiting.result()
    assert len(chunks) < 450  # of 900 tokens


def test_request_beyond_slots_and_queue_is_refused(client, llama):
    held = [ask(client, max_tokens=450, stream=True) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(ask, client, max_tokens=2) for _ in range(2)]
        while llama.slots._waiting < 2:
            assert not any(each.done() for each in waiting)
            time.sleep(0.005)
        with pytest.raises(openai.RateLimitError) as caught:
            ask(client)
        for stream in held:
            stream.close()
        assert all(each.result().choices[0].message.content for each in waiting)
    assert caught.value.response.headers["retry-after"] == "1"


def test_prompt_longer_than_the_context_is_refused(client):
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, "word " * 2000)
    assert caught.value.code == "context_length_exceeded"
    assert caught.value.param == "messages"
    assert "context holds 512" in caught.value.message


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("options", "param"),
    [
        ({"tools": [TOOL]}, "tools"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"logit_bias": {"5": 1}}, "logit_bias"),
        ({"reasoning_effort": "low"}, "reasoning_effort"),
        ({"max_tokens": 513}, "max_tokens"),
        ({"max_tokens": None, "max_completion_tokens": 513}, "max_completion_tokens"),
        ({"messages": [{"role": "tool", "content": "x", "tool_call_id": "1"}]}, "messages.0"),
    ],
)
def test_what_the_engine_would_ignore_is_refused(client, options, param, stream):
    request = {"messages": [{"role": "user", "content": "x"}], "max_tokens": 2, "stream": stream, **options}
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model=MODEL, **request)
    assert caught.value.param == param


def test_no_answer_shows_the_path_of_the_model(client, url, weights):
    shown = [
        httpx.get(f"{url}/models").text,
        httpx.get(url.removesuffix("/v1") + "/healthz").text,
        httpx.get(url.removesuffix("/v1") + "/metrics").text,
        ask(client).to_json(),
    ]
    assert not [text for text in shown if str(weights.parent) in text]


def test_engine_s_own_port_answers_nobody(llama):
    address = llama._engine.listening_address
    for path in ("/v1/models", "/props", "/slots"):
        response = httpx.get(address + path, headers={"origin": "https://example.com"})
        assert response.status_code == 401
        assert "smollm2" not in response.text.lower()
    assert httpx.post(f"{address}/v1/chat/completions", json={}).status_code == 401


def test_file_that_the_engine_cannot_load_is_named(tmp_path):
    path = tmp_path / "broken.gguf"
    path.write_bytes(b"GGUF" + bytes(100))
    from otel_llm.serve.models.llama import load

    with pytest.raises(ModelError, match=r"broken\.gguf could not be loaded"):
        load(ServeSettings(model=path))
