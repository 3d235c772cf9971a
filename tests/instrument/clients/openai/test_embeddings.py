"""POST /embeddings: whole spans, metrics and content."""

import json

import genai_prices
import openai
import pytest
from in_process import client_for
from media import WAYS, call, client_of, fixed, served, shared
from opentelemetry.trace import SpanKind, StatusCode

from otel_llm import names

DURATION, TOKENS, COST = names.OPERATION_DURATION.name, names.TOKEN_USAGE.name, names.COST.name


@pytest.fixture(scope="module")
def url():
    with served() as url:
        yield url


@pytest.mark.parametrize("way", WAYS)
def test_an_embedding_is_one_span_whatever_way_it_is_asked_for(instrumented, url, way):
    call(way, url, "embeddings.create", model="scripted", input=["two words", "one"], dimensions=16)

    span = instrumented.span
    assert (span.name, span.kind) == ("embeddings scripted", SpanKind.CLIENT)
    assert span.status.status_code is StatusCode.UNSET
    assert fixed(span) == {
        **shared(url, "embeddings"),
        names.EMBEDDINGS_DIMENSION_COUNT: 16,
        names.REQUEST_ENCODING_FORMATS: ("base64",),  # the client's own choice where the app makes none
        names.RESPONSE_MODEL: "scripted",
        names.USAGE_INPUT_TOKENS: 3,
        names.USAGE_COST: pytest.approx(3e-6),
        names.USAGE_COST_SOURCE: "own",
    }


def test_a_format_that_the_app_names_is_the_requests(instrumented, url):
    call("sync", url, "embeddings.create", model="scripted", input="hello", encoding_format="float")

    attributes = instrumented.span.attributes
    assert attributes[names.REQUEST_ENCODING_FORMATS] == ("float",)
    assert names.EMBEDDINGS_DIMENSION_COUNT not in attributes


def test_an_embedding_counts_in_the_metrics_without_output_tokens(instrumented, url):
    call("sync", url, "embeddings.create", model="scripted", input="two words")

    labels = {**shared(url, "embeddings"), names.RESPONSE_MODEL: "scripted"}
    (duration,) = instrumented.points(DURATION)
    assert dict(duration.attributes) == labels
    (tokens,) = instrumented.points(TOKENS)
    assert (tokens.sum, dict(tokens.attributes)) == (2, {**labels, names.TOKEN_TYPE: "input"})
    (cost,) = instrumented.points(COST)
    assert cost.value == pytest.approx(2e-6)
    assert instrumented.metric_names() == {DURATION, TOKENS, COST}


@pytest.mark.parametrize("way", WAYS)
def test_an_error_of_the_provider_is_the_callers_and_the_spans(instrumented, url, way):
    with pytest.raises(openai.RateLimitError):
        call(way, url, "embeddings.create", model="scripted", input="slow down")

    span = instrumented.span
    assert span.status.status_code is StatusCode.ERROR
    assert fixed(span) == {
        **shared(url, "embeddings"),
        names.REQUEST_ENCODING_FORMATS: ("base64",),
        names.ERROR_TYPE: "RateLimitError",
    }


def test_no_tokens_are_claimed_where_the_provider_reports_none(instrumented):
    answer = {"object": "list", "model": "e5", "data": [{"object": "embedding", "index": 0, "embedding": [1.0]}]}
    client_for(answer).embeddings.create(model="e5", input="hello")

    assert names.USAGE_INPUT_TOKENS not in instrumented.span.attributes
    assert names.USAGE_COST not in instrumented.span.attributes
    assert instrumented.metric_names() == {DURATION}


def test_the_cost_is_what_the_price_list_says(instrumented):
    answer = {
        "object": "list",
        "model": "text-embedding-3-small",
        "data": [{"object": "embedding", "index": 0, "embedding": [1.0]}],
        "usage": {"prompt_tokens": 1000, "total_tokens": 1000},
    }
    client_for(answer).embeddings.create(model="text-embedding-3-small", input="hello")

    price = genai_prices.calc_price(
        genai_prices.Usage(input_tokens=1000), "text-embedding-3-small", provider_id="openai"
    )
    (cost,) = instrumented.points(COST)
    assert cost.value == pytest.approx(float(price.total_price))


@pytest.mark.parametrize(
    ("texts", "messages"),
    [("hello", ["hello"]), (["one", "two"], ["one", "two"]), ([1, 2, 3], []), ([[1, 2], [3]], [])],
)
def test_texts_are_recorded_as_what_the_user_said_and_tokens_and_vectors_never(exported, url, texts, messages):
    exported.instrument(capture_content=True)
    with client_of(url) as client:
        client.embeddings.create(model="scripted", input=texts, dimensions=4)

    attributes = exported.span.attributes
    recorded = json.loads(attributes.get(names.INPUT_MESSAGES, "[]"))
    assert recorded == [{"role": "user", "parts": [{"type": "text", "content": text}]} for text in messages]
    assert names.OUTPUT_MESSAGES not in attributes
