"""POST /images/generations, /images/edits and /images/variations: whole spans, streams and content."""

import base64
import json

import openai
import pytest
from in_process import client_for
from media import BROKEN, WAYS, call, client_of, fixed, recorded_media, served, shared
from opentelemetry.trace import SpanKind, StatusCode

from otel_llm import names
from otel_llm.serve.endpoints.drawing import colour_of, png

# the client's own word on variations
pytestmark = pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")

PROMPT = "a red cat"
CALLS = {
    "generate_image": ("images.generate", {"prompt": PROMPT}, 0),
    "edit_image": ("images.edit", {"prompt": PROMPT, "image": [b"one", b"two"]}, 128),
}


@pytest.fixture(scope="module")
def url():
    with served() as url:
        yield url


def tokens(images, *, count=1, detailed=True):
    """Return the attributes of what a prompt of three words costs."""
    drawn = 272 * count
    return {
        names.USAGE_INPUT_TOKENS: 3 + images,
        names.USAGE_TEXT_INPUT_TOKENS: 3,
        names.USAGE_IMAGE_INPUT_TOKENS: images,
        names.USAGE_OUTPUT_TOKENS: drawn,
        names.USAGE_IMAGE_OUTPUT_TOKENS: drawn,
        **({names.USAGE_TEXT_OUTPUT_TOKENS: 0} if detailed else {}),
        names.USAGE_COST: pytest.approx((3 + images + 2 * drawn) / 1e6),
        names.USAGE_COST_SOURCE: "own",
    }


@pytest.mark.parametrize("operation", CALLS)
@pytest.mark.parametrize("way", WAYS)
def test_images_are_one_span_whatever_way_they_are_asked_for(instrumented, url, operation, way):
    path, options, images = CALLS[operation]
    call(way, url, path, model="scripted", n=2, **options)

    span = instrumented.span
    assert (span.name, span.kind) == (f"{operation} scripted", SpanKind.CLIENT)
    assert span.status.status_code is StatusCode.UNSET
    assert fixed(span) == {
        **shared(url, operation),
        names.OUTPUT_TYPE: "image",
        names.REQUEST_CHOICE_COUNT: 2,
        **tokens(images, count=2),
    }


def test_a_variation_by_url_has_no_model_and_no_tokens_where_there_are_none(instrumented, url):
    call("sync", url, "images.create_variation", image=b"one", response_format="url")

    assert instrumented.span.name == "vary_image"
    assert fixed(instrumented.span) == {**shared(url, "vary_image", None), names.OUTPUT_TYPE: "image"}
    assert instrumented.metric_names() == {names.OPERATION_DURATION.name}


@pytest.mark.parametrize("operation", CALLS)
@pytest.mark.parametrize("way", WAYS)
def test_a_stream_of_images_has_its_tokens_and_its_first_chunk(instrumented, url, operation, way):
    path, options, images = CALLS[operation]
    call(way, url, path, model="scripted", stream=True, partial_images=2, **options)

    span = instrumented.span
    assert fixed(span) == {
        **shared(url, operation),
        names.OUTPUT_TYPE: "image",
        names.REQUEST_STREAM: True,
        **tokens(images, detailed=False),
    }
    assert 0 < span.attributes[names.RESPONSE_TIME_TO_FIRST_CHUNK] < 10
    (gaps,) = instrumented.points(names.TIME_PER_OUTPUT_CHUNK.name)
    assert gaps.count == 2


def streamed(client, prompt=PROMPT):
    return client.images.generate(model="scripted", prompt=prompt, stream=True, partial_images=3)


def begun(url):
    return {**shared(url, "generate_image"), names.OUTPUT_TYPE: "image", names.REQUEST_STREAM: True}


def test_a_stream_closed_early_claims_no_tokens(exported, url):
    exported.instrument(capture_content=True)
    with client_of(url) as client, streamed(client) as stream:
        next(stream)

    span = exported.span
    assert span.status.status_code is StatusCode.UNSET
    asked = span.attributes[names.INPUT_MESSAGES]
    assert fixed(span) == {**begun(url), names.INPUT_MESSAGES: asked}  # a partial image is no output


def test_a_stream_that_breaks_midway_ends_with_the_error(instrumented, url):
    with client_of(url) as client, pytest.raises(BROKEN):
        list(streamed(client, "breaks"))

    assert instrumented.span.status.status_code is StatusCode.ERROR
    assert fixed(instrumented.span) == {**begun(url), names.ERROR_TYPE: BROKEN.__name__}


@pytest.mark.parametrize("operation", CALLS)
def test_an_error_of_the_provider_is_the_callers_and_the_spans(instrumented, url, operation):
    path, options, _ = CALLS[operation]
    with pytest.raises(openai.RateLimitError):
        call("sync", url, path, model="scripted", **{**options, "prompt": "slow down"})

    assert instrumented.span.status.status_code is StatusCode.ERROR
    assert fixed(instrumented.span) == {
        **shared(url, operation),
        names.OUTPUT_TYPE: "image",
        names.ERROR_TYPE: "RateLimitError",
    }


def recorded(span, name):
    return json.loads(span.attributes.get(name, "[]"))


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("operation", CALLS)
def test_the_prompt_and_the_image_are_recorded_and_files_that_are_sent_never(exported, url, operation, stream):
    exported.instrument(capture_content=True)
    path, options, _ = CALLS[operation]
    call("sync", url, path, model="scripted", stream=stream, **options)

    asked = [{"role": "user", "parts": [{"type": "text", "content": PROMPT}]}]
    assert recorded(exported.span, names.INPUT_MESSAGES) == asked
    image = recorded_media(png(colour_of(PROMPT)), "image", "image/png")
    assert recorded(exported.span, names.OUTPUT_MESSAGES) == [
        {"role": "assistant", "parts": [image], "finish_reason": "stop"}
    ]


def test_an_image_by_url_is_recorded_by_its_url(exported, url):
    exported.instrument(capture_content=True)
    with client_of(url) as client:
        answer = client.images.generate(prompt=PROMPT, response_format="url", n=2)

    assert recorded(exported.span, names.OUTPUT_MESSAGES) == [
        {
            "role": "assistant",
            "parts": [{"type": "uri", "modality": "image", "uri": image.url}],
            "finish_reason": "stop",
        }
        for image in answer.data
    ]


def test_images_of_the_older_models_and_drawings_have_their_own_types(exported):
    exported.instrument(capture_content=True)
    data = base64.b64encode(b"image").decode()
    for image_format, mime_type in ((None, "image/png"), ("webp", "image/webp"), ("svg", "image/svg+xml")):
        answer = {"created": 1, "data": [{"b64_json": data}, {}], "output_format": image_format}
        client_for(answer).images.generate(model="dall-e-2", prompt=PROMPT)
        (message,) = recorded(exported.spans[-1], names.OUTPUT_MESSAGES)
        assert message["parts"] == [recorded_media(b"image", "image", mime_type)]
