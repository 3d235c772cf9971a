"""Embeddings, legacy completions, moderations and batches of the scripted model, as the real client sees them."""

import base64
import math
import re
import struct

import httpx
import openai
import pytest
from support.model_server import serving

from otel_llm.serve.models.script import Script
from otel_llm.serve.models.scripted import ScriptedModel

RULES = """
[[rule]]
match = "slow down"
status = 429

[[rule]]
match = "cut"
answer = "one two three"
break_after_chunks = 2

[[rule]]
match = "hit"
answer = "violence, harassment/threatening"

[[rule]]
answer = "one two three four"
"""


@pytest.fixture
def client(scripted):
    return scripted(RULES)


def embed(client, texts, **options):
    answer = client.embeddings.create(
        **{"model": "scripted", "input": texts, "encoding_format": "float", **options}
    )
    return [each.embedding for each in answer.data]


def cosine(one, other):
    return sum(a * b for a, b in zip(one, other, strict=True))


def test_texts_that_share_words_have_vectors_that_are_alike(client):
    cat, kitten, bond = embed(client, ["the cat sat here", "The cat sat there", "long bonds yield less"])

    assert len(cat) == 1536
    assert math.hypot(*cat) == pytest.approx(1)
    assert cosine(cat, kitten) > 0.6
    assert cosine(cat, bond) < 0.2


def test_a_vector_is_the_same_in_both_encodings(client):
    (floats,) = embed(client, "hello there", dimensions=8)
    (text,) = embed(client, "hello there", dimensions=8, encoding_format="base64")

    assert struct.unpack("<8f", base64.b64decode(text)) == pytest.approx(floats)
    # the client asks for base64 where the app names no encoding, and decodes it
    assert embed(client, "hello there", dimensions=8, encoding_format=openai.omit)[0] == pytest.approx(floats)


@pytest.mark.parametrize(
    ("texts", "vectors", "tokens"),
    [("two words", 1, 2), (["two words", "one"], 2, 3), ([1, 2, 3], 1, 3), ([[1, 2], [3]], 2, 3)],
)
def test_texts_and_tokens_are_embedded_and_counted(client, texts, vectors, tokens):
    answer = client.embeddings.create(model="scripted", input=texts, dimensions=4)

    assert [each.index for each in answer.data] == list(range(vectors))
    assert answer.usage.to_dict() == {"prompt_tokens": tokens, "total_tokens": tokens}


def test_rules_apply_to_what_is_embedded(client):
    with pytest.raises(openai.RateLimitError):
        embed(client, ["fine", "slow down"])


@pytest.mark.parametrize("wrong", [{"input": ""}, {"input": []}, {"dimensions": 0}, {"surprise": 1}])
def test_a_wrong_request_for_vectors_is_told_by_its_parameter(scripted_url, wrong):
    body = {"model": "scripted", "input": "hello", **wrong}
    answer = httpx.post(f"{scripted_url('')}/embeddings", json=body)

    assert answer.status_code == 400
    assert answer.json()["error"]["param"].startswith(next(iter(wrong)))


def complete(client, prompt="count", **options):
    return client.completions.create(model="scripted", prompt=prompt, **options)


def test_a_completion_continues_the_prompt(client):
    answer = complete(client, "count to four", n=2, echo=True, stop=" four")

    assert answer.object == "text_completion"
    assert [choice.text for choice in answer.choices] == ["count to fourone two three"] * 2
    assert answer.choices[1].finish_reason == "stop"
    assert answer.usage.to_dict() == {"prompt_tokens": 3, "completion_tokens": 6, "total_tokens": 9}
    assert complete(client, ["count"], max_tokens=2).choices[0].finish_reason == "length"


def test_a_streamed_completion_is_its_words_and_then_the_usage(client):
    chunks = list(complete(client, echo=True, stream=True, stream_options={"include_usage": True}))

    texts = [choice.text for chunk in chunks for choice in chunk.choices]
    assert texts == ["count", "one", " two", " three", " four", ""]
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].usage.total_tokens == 5
    assert all(chunk.usage is None for chunk in complete(client, stream=True))


def test_a_completion_is_cut_and_refused_as_a_chat_is(client):
    received = []
    with pytest.raises((openai.APIConnectionError, httpx.RemoteProtocolError)):
        received.extend(chunk for chunk in complete(client, "cut", stream=True))
    assert len(received) == 2
    with pytest.raises(openai.APIConnectionError):
        complete(client, "cut")
    for stream in (False, True):
        with pytest.raises(openai.RateLimitError):
            complete(client, "slow down", stream=stream)


@pytest.mark.parametrize(
    "wrong", [{"prompt": ["one", "two"]}, {"best_of": 2}, {"stream_options": {"include_usage": True}}]
)
def test_a_wrong_request_for_a_completion_is_told_by_its_parameter(scripted_url, wrong):
    body = {"model": "scripted", "prompt": "hello", **wrong}
    answer = httpx.post(f"{scripted_url('')}/completions", json=body)

    assert answer.status_code == 400
    assert answer.json()["error"]["param"].startswith(next(iter(wrong)))


def test_a_text_is_flagged_where_the_rules_answer_names_the_category(client):
    flagged = client.moderations.create(input="I will hit you").results[0]
    (clean,) = client.moderations.create(model="scripted", input=[{"type": "text", "text": "hello"}]).results

    assert flagged.flagged
    assert (flagged.categories.violence, flagged.categories.harassment_threatening) == (True, True)
    assert not flagged.categories.harassment
    assert flagged.category_scores.violence > 0.9 > flagged.category_scores.hate
    assert not clean.flagged
    assert len(client.moderations.create(input=["one", "two"]).results) == 2


def test_a_batch_is_kept_and_can_be_cancelled(client):
    asked = {"endpoint": "/v1/chat/completions", "input_file_id": "file-1", "completion_window": "24h"}
    batch = client.batches.create(**asked, metadata={"night": "yes"})

    assert (batch.status, batch.input_file_id, batch.metadata) == ("validating", "file-1", {"night": "yes"})
    assert client.batches.retrieve(batch.id).id == batch.id
    assert client.batches.cancel(batch.id).status == "cancelled"
    assert client.batches.retrieve(batch.id).status == "cancelled"
    with pytest.raises(openai.NotFoundError, match="batch_none"):
        client.batches.retrieve("batch_none")


def test_another_model_has_no_vectors():
    class Other(ScriptedModel):
        id = "other"

    class Real:
        """Offers what a real model does: text."""

        def __init__(self):
            self._model = Other(Script())

        def __getattr__(self, name):
            return getattr(self._model, name)

    with serving(Real()) as url, openai.OpenAI(base_url=url, api_key="none") as client:
        with pytest.raises(openai.BadRequestError, match="the model other has no embeddings"):
            client.embeddings.create(model="other", input="hello")
        with pytest.raises(openai.NotFoundError, match="scripted"):
            client.embeddings.create(model="scripted", input="hello")
        with pytest.raises(openai.BadRequestError, match="model is required"):
            client.moderations.create(input="hello")
        assert client.completions.create(model="other", prompt="hello").choices[0].text


def test_the_metrics_tell_the_operations_apart(client):
    embed(client, "hello")
    complete(client)
    url = str(client.base_url).removesuffix("v1/")

    metrics = httpx.get(f"{url}metrics").text
    counted = re.findall(r'request_duration_seconds_count{gen_ai_operation_name="(\w+)"', metrics)
    assert set(counted) == {"embeddings", "text_completion"}
