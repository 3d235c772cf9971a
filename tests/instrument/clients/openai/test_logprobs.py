"""The log-probabilities of an answer's tokens, on the span and read back from it; several choices likewise."""

import asyncio

import openai
import pytest
from in_process import COMPLETION, chunk, client_for
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from response_objects import message, response
from support.decoding import decode
from support.model_server import served_script

from otel_llm import names

SCRIPT = """
[[rule]]
answer = "one two three"
logprobs = [-0.25, -1.5]
"""
ASK = [{"role": "user", "content": "count"}]
SAID = (-0.25, -1.5, 0.0)
LEAST = -9999.0


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    folder = tmp_path_factory.mktemp("logprobs")
    (folder / "script.toml").write_text(SCRIPT)
    with served_script(folder / "script.toml", folder / "log") as url:
        yield url


@pytest.fixture
def client(url):
    with openai.OpenAI(api_key="none", base_url=url, max_retries=0) as client:
        yield client


def ask(client, **options):
    return client.chat.completions.create(model="scripted", messages=ASK, **options)


def recorded(exported):
    return exported.span.attributes.get(names.RESPONSE_LOGPROBS)


def received(exported):
    """Return the call that the service reads from the span, over the wire."""
    [call] = decode(encode_spans(exported.spans).SerializeToString()).calls
    return call


def chat_logprobs(*values):
    return {"content": [{"token": "a", "logprob": value, "bytes": None, "top_logprobs": []} for value in values]}


def answered(logprobs):
    (choice,) = COMPLETION["choices"]
    return {**COMPLETION, "choices": [{**choice, "logprobs": logprobs}]}


def test_an_answer_has_those_of_its_tokens_and_the_service_reads_them(instrumented, client):
    answer = ask(client, logprobs=True)
    assert [token.logprob for token in answer.choices[0].logprobs.content] == list(SAID)
    assert recorded(instrumented) == SAID
    assert received(instrumented).logprobs == SAID


def test_a_stream_has_those_of_all_its_chunks(instrumented, client):
    for _ in ask(client, logprobs=True, stream=True):
        pass
    assert recorded(instrumented) == SAID


def test_an_asynchronous_stream_has_them_too(instrumented, url):
    async def read():
        async with openai.AsyncOpenAI(api_key="none", base_url=url) as client:
            async for _ in await ask(client, logprobs=True, stream=True):
                pass

    asyncio.run(read())
    assert recorded(instrumented) == SAID


def test_a_stream_closed_early_has_those_that_came(instrumented, client):
    with ask(client, logprobs=True, stream=True) as stream:
        for each in stream:
            if each.choices[0].delta.content == " two":
                break
    assert recorded(instrumented) == SAID[:2]


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_that_was_not_asked_for_them_has_no_attribute(instrumented, client, stream):
    for _ in ask(client, stream=stream):
        pass
    assert recorded(instrumented) is None
    assert received(instrumented).logprobs == ()


@pytest.mark.parametrize("stream", [False, True])
def test_of_several_choices_the_first_ones_are_recorded_and_all_texts_arrive_apart(exported, client, stream):
    exported.instrument(capture_content="SPAN_ONLY")
    for _ in ask(client, n=3, logprobs=True, stream=stream):
        pass
    call = received(exported)
    assert call.choices == ("one two three",) * 3
    assert [len(each.parts) for each in call.output] == [1, 1, 1]
    assert call.logprobs == SAID


def test_choices_that_differ_arrive_in_their_order(exported):
    exported.instrument(capture_content="SPAN_ONLY")
    texts = ["At 9.", "At ten.", ""]
    choices = [
        {"index": index, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
        for index, text in enumerate(texts)
    ]
    with client_for({**COMPLETION, "choices": choices}) as client:
        ask(client, n=3)
    call = received(exported)
    assert call.choices == ("At 9.", "At ten.")
    assert call.output_text == "At 9.\nAt ten."


def test_pieces_of_another_choice_do_not_mix_in(instrumented):
    def piece(index, value):
        one = chunk({"content": "a"}, index=index)
        one["choices"][0]["logprobs"] = chat_logprobs(value)
        return one

    events = [piece(0, -1.0), piece(1, -2.0), piece(1, -3.0), piece(0, -4.0), chunk({}, finish_reason="stop")]
    with client_for(events) as client:
        list(ask(client, stream=True))
    assert recorded(instrumented) == (-1.0, -4.0)


def test_a_refusal_has_those_of_its_tokens(instrumented):
    said = {"content": None, "refusal": chat_logprobs(-0.5)["content"]}
    with client_for(answered(said)) as client:
        ask(client)
    assert recorded(instrumented) == (-0.5,)


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ([-0.5, LEAST, 0], (-0.5, LEAST, 0.0)),
        ([float("-inf"), -(10**400)], (LEAST, LEAST)),
        ([float("nan"), 10**400, None, "much", True, -1.0], (-1.0,)),
        ([-0.5] * 1_200, (-0.5,) * 1_000),
        ([], None),
    ],
)
def test_what_servers_say_otherwise_is_kept_within_bounds(instrumented, values, kept):
    said = chunk({"content": "Hello."}, finish_reason="stop")
    said["choices"][0]["logprobs"] = chat_logprobs(*values)
    with client_for([said]) as client:
        assert [each.choices[0].delta.content for each in ask(client, stream=True)] == ["Hello."]
    assert recorded(instrumented) == kept


@pytest.mark.parametrize("said", [{}, [], "none", {"content": "much"}, {"content": [7, None, {}]}])
def test_odd_forms_cost_only_the_attribute(instrumented, said):
    with client_for(answered(said)) as client:
        ask(client)
    assert recorded(instrumented) is None
    assert instrumented.span.attributes[names.RESPONSE_ID] == "chatcmpl-1"


def test_a_completion_has_them_in_its_own_form(instrumented):
    logprobs = {"tokens": ["a", "b"], "token_logprobs": [None, -0.5], "top_logprobs": [], "text_offset": [0, 1]}
    choice = {"index": 0, "text": "ab", "finish_reason": "stop", "logprobs": logprobs}
    completion = {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "m", "choices": [choice]}
    with client_for(completion) as client:
        client.completions.create(model="m", prompt="a", logprobs=1, echo=True)
    with client_for([completion, completion]) as client:
        list(client.completions.create(model="m", prompt="a", logprobs=1, stream=True))
    assert [span.attributes[names.RESPONSE_LOGPROBS] for span in instrumented.spans] == [(-0.5,), (-0.5, -0.5)]


def test_a_response_has_those_of_its_texts(instrumented):
    parts = [
        {"type": "output_text", "text": "a", "annotations": [], "logprobs": chat_logprobs(value)["content"]}
        for value in (-0.5, -1.0)
    ]
    said = response(
        output=[message(*parts), {"type": "function_call", "call_id": "1", "name": "f", "arguments": ""}]
    )
    with client_for(said) as client:
        client.responses.create(model="m", input="a", include=["message.output_text.logprobs"])
    completed = {"type": "response.completed", "sequence_number": 0, "response": said}
    with client_for([completed]) as client:
        list(client.responses.create(model="m", input="a", stream=True))
    assert [span.attributes[names.RESPONSE_LOGPROBS] for span in instrumented.spans] == [(-0.5, -1.0)] * 2
