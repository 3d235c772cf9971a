"""POST /moderations and /batches: whole spans and content."""

import json

import openai
import pytest
from media import WAYS, call, client_of, fixed, served, shared
from opentelemetry.trace import SpanKind, StatusCode

from otel_llm import names

DURATION = names.OPERATION_DURATION.name
BATCH = {"endpoint": "/v1/chat/completions", "completion_window": "24h"}


@pytest.fixture(scope="module")
def url():
    with served() as url:
        yield url


@pytest.mark.parametrize("way", WAYS)
def test_a_moderation_is_one_span_whatever_way_it_is_asked_for(instrumented, url, way):
    call(way, url, "moderations.create", model="scripted", input="I will hit you")

    span = instrumented.span
    assert (span.name, span.kind) == ("moderate_content scripted", SpanKind.CLIENT)
    assert span.status.status_code is StatusCode.UNSET
    assert fixed(span) == {**shared(url, "moderate_content"), names.RESPONSE_MODEL: "scripted"}
    assert span.attributes[names.RESPONSE_ID].startswith("modr-")
    assert instrumented.metric_names() == {DURATION}


def test_a_moderation_need_not_name_a_model(instrumented, url):
    call("sync", url, "moderations.create", input="hello")

    assert instrumented.span.name == "moderate_content"
    assert fixed(instrumented.span) == {
        **shared(url, "moderate_content", None),
        names.RESPONSE_MODEL: "scripted",
    }


def verdict(flagged, *categories):
    part = {"type": "moderation", "flagged": flagged, "categories": list(categories)}
    return {"role": "assistant", "parts": [part], "finish_reason": "stop"}


def asked(*parts):
    return {"role": "user", "parts": list(parts)}


def text(content):
    return {"type": "text", "content": content}


@pytest.mark.parametrize(
    ("given", "messages", "verdicts"),
    [
        (
            "I will hit you",
            [asked(text("I will hit you"))],
            [verdict(True, "harassment/threatening", "violence")],
        ),
        (["one", "two"], [asked(text("one")), asked(text("two"))], [verdict(False)] * 2),
        (
            [
                {"type": "text", "text": "look"},
                {"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}},
            ],
            [asked(text("look"), {"type": "uri", "modality": "image", "uri": "https://example.com/cat.png"})],
            [verdict(False)],
        ),
    ],
)
def test_what_is_judged_and_the_verdict_are_recorded_where_asked_for(exported, url, given, messages, verdicts):
    exported.instrument(capture_content=True)
    with client_of(url) as client:
        client.moderations.create(input=given)

    attributes = exported.span.attributes
    assert json.loads(attributes[names.INPUT_MESSAGES]) == messages
    assert json.loads(attributes[names.OUTPUT_MESSAGES]) == verdicts


@pytest.mark.parametrize("way", WAYS)
def test_a_batch_is_one_span_when_it_is_created(exported, url, way):
    exported.instrument(capture_content=True)
    call(way, url, "batches.create", input_file_id="file-1", **BATCH)

    span = exported.span
    assert (span.name, span.kind) == ("create_batch", SpanKind.CLIENT)
    assert span.status.status_code is StatusCode.UNSET
    assert fixed(span) == {
        **shared(url, "create_batch", None),
        names.BATCH_ENDPOINT: "/v1/chat/completions",
    }
    assert span.attributes[names.RESPONSE_ID].startswith("batch_")
    assert exported.metric_names() == {DURATION}


def test_a_batch_that_is_fetched_or_cancelled_is_no_operation(instrumented, url):
    with client_of(url) as client:
        batch = client.batches.create(input_file_id="file-1", **BATCH)
        client.batches.retrieve(batch.id)
        client.batches.cancel(batch.id)

    assert instrumented.span.name == "create_batch"


@pytest.mark.parametrize(
    ("path", "options", "attributes"),
    [
        ("moderations.create", {"input": "slow down"}, {names.OPERATION: "moderate_content"}),
        (
            "batches.create",
            {"input_file_id": "slow down", **BATCH},
            {names.OPERATION: "create_batch", names.BATCH_ENDPOINT: "/v1/chat/completions"},
        ),
    ],
)
def test_an_error_of_the_provider_is_the_callers_and_the_spans(instrumented, url, path, options, attributes):
    with pytest.raises(openai.RateLimitError):
        call("sync", url, path, **options)

    assert instrumented.span.status.status_code is StatusCode.ERROR
    operation = attributes[names.OPERATION]
    assert fixed(instrumented.span) == {
        **shared(url, operation, None), **attributes, names.ERROR_TYPE: "RateLimitError",
    }  # fmt: skip
