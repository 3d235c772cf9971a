import asyncio
import time

import httpx
import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_llm.serve.models.scripted_answer import split_words

FIVE = '[[rule]]\nanswer = "one two three four five"\n'


def ask(client: openai.OpenAI, text: str = "hello", **options):
    return client.chat.completions.create(
        model="scripted", messages=[{"role": "user", "content": text}], **options
    )


@given(st.text())
@settings(deadline=None)
def test_words_joined_are_the_answer_again(text):
    assert "".join(split_words(text)) == text


def test_answer_has_the_shape_of_a_chat_completion(scripted):
    client = scripted(FIVE)
    answer = ask(client, "how are you")
    assert answer.object == "chat.completion"
    assert answer.model == "scripted"
    assert answer.id.startswith("chatcmpl-")
    assert answer.choices[0].message.content == "one two three four five"
    assert answer.choices[0].message.role == "assistant"
    assert answer.choices[0].finish_reason == "stop"
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (3, 5, 8)


def test_stream_is_role_then_words_then_finish_then_usage(scripted):
    client = scripted(FIVE)
    chunks = list(ask(client, stream=True, stream_options={"include_usage": True}))
    assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk.id for chunk in chunks}) == 1
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [chunk.choices[0].delta.content for chunk in chunks[1:6]] == ["one", " two", " three", " four", " five"]
    assert chunks[6].choices[0].finish_reason == "stop"
    assert all(chunk.usage is None for chunk in chunks[:7])
    assert chunks[7].choices == []
    assert chunks[7].usage.completion_tokens == 5
    assert len(chunks) == 8


@pytest.mark.parametrize("stream", [False, True])
def test_words_have_the_rules_log_probabilities_where_they_are_asked_for(scripted, stream):
    client = scripted('[[rule]]\nanswer = "one two three"\nlogprobs = [-0.5, -1.25]\n')
    for asked, expected in ((True, [("one", -0.5), (" two", -1.25), (" three", 0.0)]), (False, [])):
        answer = ask(client, logprobs=asked, stream=stream)
        choices = [chunk.choices[0] for chunk in answer] if stream else answer.choices
        tokens = [token for choice in choices if choice.logprobs for token in choice.logprobs.content]
        assert [(token.token, token.logprob) for token in tokens] == expected
        assert [bytes(token.bytes).decode() for token in tokens] == [token for token, _ in expected]


def test_stream_has_no_usage_unless_asked_for(scripted):
    chunks = list(ask(scripted(FIVE), stream=True))
    assert len(chunks) == 7
    assert all(chunk.usage is None for chunk in chunks)


def test_stream_on_the_wire_ends_with_done(scripted_url):
    body = {"model": "scripted", "messages": [{"role": "user", "content": "x"}], "stream": True}
    response = httpx.post(f"{scripted_url(FIVE)}/chat/completions", json=body)
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    events = response.text.split("\n\n")
    assert events[-2:] == ["data: [DONE]", ""]
    assert all(event.startswith("data: ") for event in events[:-1])


async def use_async_client(url: str) -> tuple[str, str]:
    async with openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:
        whole = await client.chat.completions.create(
            model="scripted", messages=[{"role": "user", "content": "x"}], max_tokens=2
        )
        stream = await client.chat.completions.create(
            model="scripted", messages=[{"role": "user", "content": "x"}], stream=True
        )
        streamed = [chunk.choices[0].delta.content or "" async for chunk in stream]
    return whole.choices[0].message.content, "".join(streamed)


def test_async_client_is_answered_too(scripted_url):
    assert asyncio.run(use_async_client(scripted_url(FIVE))) == ("one two", "one two three four five")


def test_limit_and_stop_sequence_end_the_answer(scripted):
    client = scripted(FIVE)
    limited = ask(client, max_tokens=2)
    assert limited.choices[0].message.content == "one two"
    assert limited.choices[0].finish_reason == "length"
    assert limited.usage.completion_tokens == 2
    stopped = ask(client, stop=[" three", "five"])
    assert stopped.choices[0].message.content == "one two"
    assert stopped.choices[0].finish_reason == "stop"


def test_every_choice_is_answered(scripted):
    client = scripted(FIVE)
    answer = ask(client, n=3)
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    assert {choice.message.content for choice in answer.choices} == {"one two three four five"}
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (1, 15)
    texts = ["", "", ""]
    for chunk in ask(client, n=3, stream=True):
        texts[chunk.choices[0].index] += chunk.choices[0].delta.content or ""
    assert set(texts) == {"one two three four five"}


def test_rule_is_chosen_by_the_last_user_message(scripted):
    client = scripted('[[rule]]\nmatch = "^weather"\nanswer = "sunny"\n[[rule]]\nanswer = "default"\n')
    messages = [
        {"role": "user", "content": "weather"},
        {"role": "assistant", "content": "sunny"},
        {"role": "user", "content": [{"type": "text", "text": "thanks"}]},
    ]
    answer = client.chat.completions.create(model="scripted", messages=messages)
    assert answer.choices[0].message.content == "default"
    assert ask(client, "weather today?").choices[0].message.content == "sunny"


def test_usage_and_finish_reason_are_what_the_rule_says(scripted):
    client = scripted("""
        [[rule]]
        finish_reason = "content_filter"
        usage = { prompt_tokens = 100, completion_tokens = 50, cached_tokens = 80, reasoning_tokens = 30 }
        """)
    answer = ask(client)
    assert answer.choices[0].finish_reason == "content_filter"
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (
        100,
        50,
        150,
    )
    assert answer.usage.prompt_tokens_details.cached_tokens == 80
    assert answer.usage.completion_tokens_details.reasoning_tokens == 30


def test_empty_answer_is_no_chunk_of_text(scripted):
    client = scripted('[[rule]]\nanswer = ""')
    chunks = list(ask(client, stream=True))
    assert [chunk.choices[0].delta.content for chunk in chunks] == ["", None]
    assert ask(client).usage.completion_tokens == 0


def test_delays_come_before_the_first_byte_and_between_words(scripted):
    client = scripted('[[rule]]\nanswer = "a b c"\ndelay_s = 0.2\nchunk_delay_s = 0.1\n')
    start = time.monotonic()
    with ask(client, stream=True) as stream:
        headers_s = time.monotonic() - start
        for _ in stream:
            pass
    assert headers_s >= 0.2
    assert time.monotonic() - start >= 0.4
    start = time.monotonic()
    ask(client)
    assert time.monotonic() - start >= 0.2


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("rule", "error", "body"),
    [
        (
            'status = 429\nerror = "slow down"',
            openai.RateLimitError,
            {"message": "slow down", "type": "rate_limit_error", "param": None, "code": None},
        ),
        (
            'status = 400\nerror = { message = "no", type = "t", param = "p", code = "c" }',
            openai.BadRequestError,
            {"message": "no", "type": "t", "param": "p", "code": "c"},
        ),
        (
            "status = 500",
            openai.InternalServerError,
            {
                "message": "The script says that this request fails.",
                "type": "server_error",
                "param": None,
                "code": None,
            },
        ),
    ],
)
def test_status_is_an_error_of_the_api(scripted, rule, error, body, stream):
    client = scripted(f"[[rule]]\n{rule}\n")
    with pytest.raises(error) as caught:
        ask(client, stream=stream)
    assert caught.value.body == body
    assert caught.value.response.headers["x-otel-llm-scripted"] == "true"


@pytest.mark.parametrize(
    ("after", "words"), [(0, []), (2, ["one", " two"]), (5, ["one", " two", " three", " four", " five"])]
)
def test_broken_stream_is_an_error_to_the_client(scripted, after, words):
    client = scripted(f"{FIVE}break_after_chunks = {after}\n")
    received = []

    def read_to_the_end() -> None:
        for chunk in ask(client, stream=True):
            received.append(chunk.choices[0].delta.content)

    # clients before 3.0 let the transport's own error through
    with pytest.raises((openai.APIConnectionError, httpx.RemoteProtocolError)):
        read_to_the_end()
    assert received == ["", *words]


def test_broken_answer_that_is_not_streamed_is_an_error_to_the_client(scripted):
    client = scripted(f"{FIVE}break_after_chunks = 1\n")
    with pytest.raises(openai.APIConnectionError):
        ask(client)


def test_server_goes_on_after_a_broken_stream(scripted):
    client = scripted(f'[[rule]]\nmatch = "break"\nbreak_after_chunks = 1\n{FIVE}')
    with pytest.raises(openai.APIConnectionError):
        ask(client, "break")
    assert ask(client, "go on").choices[0].message.content == "one two three four five"


def test_scripted_says_that_it_is_scripted(scripted):
    client = scripted("")
    assert client.models.retrieve("scripted").owned_by == "otel-llm (scripted)"
    assert [model.id for model in client.models.list()] == ["scripted"]
    raw = client.chat.completions.with_raw_response.create(
        model="scripted", messages=[{"role": "user", "content": "who are you"}]
    )
    assert raw.headers["x-otel-llm-scripted"] == "true"
    assert "no model wrote it" in raw.parse().choices[0].message.content


def test_tools_are_accepted_since_the_script_decides(scripted):
    tools = [{"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}]
    assert ask(scripted(FIVE), tools=tools).choices[0].message.tool_calls is None
