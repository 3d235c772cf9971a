"""`otel_llm.context`: what calls inside it carry, and where it ends."""

import logging
from urllib.parse import urlsplit

import openai
import pytest
from context_calls import KEYS, TAG, ask, carried, users
from in_process import httpx
from opentelemetry.baggage import set_baggage
from opentelemetry.context import Context, attach, detach, get_current
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.propagate import inject
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult

import otel_llm
from otel_llm import names
from otel_llm.instrument.scope import scope
from otel_llm.instrument.scope.inherited import inherited_attributes


def test_a_call_inside_carries_all_that_is_set(instrumented, client, base_url):
    with otel_llm.context(
        user="ada",
        conversation="c-1",
        prompt=("support", "3"),
        tags={"tier": "gold", "seat": 7, "beta": True, "w": 0.5},
    ):
        answer = ask(client)

    url = urlsplit(base_url)
    attributes = dict(instrumented.span.attributes)
    assert attributes.pop(names.USAGE_COST) == pytest.approx(26e-6)
    assert attributes.pop(names.USAGE_COST_SOURCE) == "own"
    for zero in (names.USAGE_CACHE_READ_INPUT_TOKENS, names.USAGE_REASONING_OUTPUT_TOKENS):
        assert attributes.pop(zero, 0) == 0
    assert attributes == {
        "user.id": "ada",
        "gen_ai.conversation.id": "c-1",
        "gen_ai.prompt.name": "support",
        "gen_ai.prompt.version": "3",
        "otel_llm.tag.tier": "gold",
        "otel_llm.tag.seat": 7,
        "otel_llm.tag.beta": True,
        "otel_llm.tag.w": 0.5,
        names.OPERATION: "chat",
        names.PROVIDER: "openai",
        names.REQUEST_MODEL: "scripted",
        names.SERVER_ADDRESS: url.hostname,
        names.SERVER_PORT: url.port,
        names.RESPONSE_ID: answer.id,
        names.RESPONSE_MODEL: "scripted",
        names.RESPONSE_FINISH_REASONS: ("stop",),
        names.USAGE_INPUT_TOKENS: 20,
        names.USAGE_OUTPUT_TOKENS: 3,
    }


def test_a_call_outside_carries_nothing(instrumented, client):
    with otel_llm.context(user="ada"):
        pass
    ask(client)

    assert carried(instrumented.span) == {}
    assert inherited_attributes(Context()) is None


def test_an_inner_context_adds_to_the_outer_one_and_overrides_it(instrumented, client):
    outer = otel_llm.context(user="ada", prompt=("support", "3"), tags={"tier": "gold", "seat": 7})
    inner = otel_llm.context(user="bob", conversation="c-2", prompt="sales", tags={"tier": "tin"})
    with outer:
        with inner:
            ask(client)
        ask(client)

    first, second = instrumented.spans
    assert carried(first) == {
        names.USER_ID: "bob",
        names.CONVERSATION_ID: "c-2",
        names.PROMPT_NAME: "sales",  # and no version of another prompt
        f"{TAG}tier": "tin",
        f"{TAG}seat": 7,
    }
    assert carried(second) == {
        names.USER_ID: "ada",
        names.PROMPT_NAME: "support",
        names.PROMPT_VERSION: "3",
        f"{TAG}tier": "gold",
        f"{TAG}seat": 7,
    }


def test_no_metric_is_labelled_with_what_is_carried(instrumented, client):
    with otel_llm.context(user="ada", conversation="c-1", prompt="support", tags={"tier": "gold"}):
        ask(client)

    labels = {
        label
        for name in instrumented.metric_names()
        for point in instrumented.points(name)
        for label in point.attributes
    }
    assert labels
    assert not {label for label in labels if label in KEYS or label.startswith(TAG)}


def test_samplers_see_it_and_a_call_that_is_sampled_out_still_counts(exported, client):
    seen = []

    class Drops(Sampler):
        def should_sample(self, *given):
            *_, attributes, _ = given
            seen.append(dict(attributes))
            return SamplingResult(Decision.DROP)

        def get_description(self):
            return "Drops"

    exported.instrument(tracer_provider=TracerProvider(sampler=Drops()), capture_content="SPAN_AND_EVENT")
    with otel_llm.context(user="ada", documents=["A page."]):
        ask(client)

    assert [attributes[names.USER_ID] for attributes in seen] == ["ada"]
    assert exported.spans == []
    assert exported.points(names.OPERATION_DURATION.name)[0].count == 1


def test_a_suppressed_call_carries_nothing_anywhere(instrumented, client):
    with otel_llm.context(user="ada"), suppress_instrumentation():
        ask(client)

    assert instrumented.spans == []


def test_a_failed_call_carries_it_too(instrumented, client):
    with otel_llm.context(user="ada"), pytest.raises(openai.RateLimitError):
        client.chat.completions.create(model="scripted", messages=[{"role": "user", "content": "rate limit"}])

    assert carried(instrumented.span) == {names.USER_ID: "ada"}


def test_the_apps_exception_passes_through_and_leaves_the_context(instrumented, client):
    with pytest.raises(KeyError), otel_llm.context(user="ada"):
        raise KeyError("the app's own")
    ask(client)

    assert users(instrumented) == ["nobody"]


def test_a_stream_keeps_what_it_had_when_it_was_opened(instrumented, client):
    with otel_llm.context(user="ada"):
        stream = ask(client, stream=True)
    with otel_llm.context(user="bob"):
        list(stream)

    assert users(instrumented) == ["ada"]


def test_providers_get_no_baggage_by_requests_that_are_no_calls(instrumented):
    sent = []

    def handler(request):
        headers = {}
        inject(headers)
        sent.append(headers.get("baggage"))
        return httpx.Response(200, json={"object": "list", "data": []})

    http_client = httpx.Client(transport=httpx.MockTransport(handler))
    with otel_llm.context(user="ada"):
        openai.OpenAI(api_key="none", http_client=http_client).models.list()
        headers = {}
        inject(headers)

    assert sent == [None]
    assert headers["baggage"] == "user.id=ada"


def test_half_a_surrogate_pair_loses_no_export(exported, client):
    exported.instrument(capture_content=True)
    with otel_llm.context(user="a\ud83d", tags={"t": "\udc00"}, documents=["d\ud83d"]):
        ask(client)

    attributes = exported.span.attributes
    assert (attributes[names.USER_ID], attributes[f"{TAG}t"], attributes[names.DOCUMENTS]) == ("a?", "?", '["d?"]')


@pytest.mark.parametrize("fault", [("CallContext", "entering a context"), ("sendable", "making a context")])
def test_a_failure_of_ours_is_logged_once_and_the_app_goes_on(exported, client, monkeypatch, caplog, fault):
    part, where = fault
    exported.instrument(debug_raise=False)

    def fail(*_):
        raise RuntimeError("injected")

    monkeypatch.setattr(scope, part, fail)
    with caplog.at_level(logging.WARNING, "otel_llm"):
        for _ in range(2):
            with otel_llm.context(user="ada"):
                assert ask(client).choices[0].message.content == "one two three"

    (record,) = caplog.records
    assert f"{where} failed, the app is not affected: RuntimeError: injected" in record.getMessage()
    assert users(exported) == ["nobody", "nobody"]


def test_baggage_that_the_app_sets_inside_is_heard_but_does_not_override(instrumented, client):
    with otel_llm.context(user="ada", prompt="support"):
        other = set_baggage(f"{TAG}region", "eu", set_baggage(names.USER_ID, "eve"))
        token = attach(set_baggage(names.PROMPT_VERSION, "of another prompt", other))
        ask(client)
        detach(token)
        ask(client)

    first, second = instrumented.spans
    local = {names.USER_ID: "ada", names.PROMPT_NAME: "support"}
    assert carried(first) == {**local, f"{TAG}region": "eu"}
    assert carried(second) == local


def test_the_context_is_as_it_was_once_it_is_left():
    before = get_current()
    with otel_llm.context(user="ada"), otel_llm.context(documents=["A page."]):
        assert get_current() is not before
    assert get_current() is before
