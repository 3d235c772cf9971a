"""A call inside a span that another instrumentation has opened for the same call: one span, and each metric once.

The other instrumentation is one of the test's own, which works around the client's method, as real ones do;
`test_other_instrumentations.py` runs real ones.
"""

import contextlib
import functools
import json

import openai
import pytest
from in_process import COMPLETION, chunk, client_for
from opentelemetry import context as otel_context
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import StatusCode
from wrapt import wrap_function_wrapper

import otel_llm
from otel_llm import names

MESSAGES = [{"role": "user", "content": "Hello?"}]
CHAT = {names.OPERATION: "chat", names.PROVIDER: "openai", names.REQUEST_MODEL: "gpt-4o-mini"}
OPENINFERENCE = {names.OPENINFERENCE_KIND: "LLM", "llm.provider": "openai"}
OPENLLMETRY = {names.OPENLLMETRY_REQUEST_TYPE: "chat", names.REQUEST_MODEL: "gpt-4o-mini"}
USAGE = chunk({}, usage={"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}) | {"choices": []}
STREAM = [chunk({"content": "Hel"}), chunk({"content": "lo."}), chunk({}, finish_reason="stop"), USAGE]
COST = names.USAGE_COST
TOKENS, DURATION = names.TOKEN_USAGE.name, names.OPERATION_DURATION.name


def ask(client, **options):
    return client.chat.completions.create(**{"model": "gpt-4o-mini", "messages": MESSAGES, **options})


@pytest.fixture
def other(exported):
    """Return a function that opens a span of another instrumentation."""
    tracer = exported.tracer_provider.get_tracer("other")

    def open_span(attributes=CHAT, name="chat gpt-4o-mini", **options):
        return tracer.start_as_current_span(name, attributes=attributes, **options)

    return open_span


def spans_of(exported, scope):
    return [span for span in exported.spans if span.instrumentation_scope.name == scope]


def tokens_counted(exported):
    return sum(point.sum for point in exported.points(TOKENS))


@pytest.mark.parametrize("attributes", [CHAT, OPENINFERENCE, OPENLLMETRY])
def test_the_call_is_recorded_on_the_span_around_it(instrumented, other, attributes):
    with other(attributes):
        ask(client_for(COMPLETION))
    span = instrumented.span
    assert span.instrumentation_scope.name == "other"
    assert attributes.items() <= span.attributes.items()
    assert span.attributes[COST] > 0
    assert span.attributes[names.RESPONSE_ID] == "chatcmpl-1"
    assert span.status.status_code is StatusCode.UNSET
    assert tokens_counted(instrumented) == 15


def test_an_attribute_of_the_other_instrumentation_is_never_replaced(exported, other):
    exported.instrument(capture_content=True)
    theirs = {names.INPUT_MESSAGES: "theirs", names.USAGE_COST: 1.5, names.PROVIDER: "shop"}
    with other(CHAT | theirs):
        ask(client_for(COMPLETION))
    attributes = exported.span.attributes
    assert theirs.items() <= attributes.items()
    assert names.USAGE_COST_SOURCE not in attributes
    assert json.loads(attributes[names.OUTPUT_MESSAGES])[0]["parts"][0]["content"] == "Hello."


def test_content_is_added_by_our_rules(instrumented, other):
    with other():
        ask(client_for(COMPLETION))
    assert names.OUTPUT_MESSAGES not in instrumented.span.attributes


def test_a_stream_is_recorded_on_the_span_around_it(instrumented, other):
    with other():
        for _ in ask(client_for(STREAM), stream=True):
            pass
    attributes = instrumented.span.attributes
    assert attributes[names.RESPONSE_TIME_TO_FIRST_CHUNK] > 0
    assert (attributes[names.USAGE_OUTPUT_TOKENS], attributes[COST] > 0) == (5, True)


def test_the_times_stay_those_of_the_other_instrumentation(instrumented, other):
    with other(start_time=17, end_on_exit=False) as span:
        ask(client_for(COMPLETION))
    span.end(4_711)
    assert (instrumented.span.start_time, instrumented.span.end_time) == (17, 4_711)


def test_metrics_that_the_other_instrumentation_makes_are_left_out(instrumented, other):
    meter = instrumented.meter_provider.get_meter("other")
    meter.create_histogram(TOKENS).record(10, {names.TOKEN_TYPE: "input"})
    with other():
        ask(client_for(COMPLETION))
    assert tokens_counted(instrumented) == 10
    assert [point.count for point in instrumented.points(DURATION)] == [1]
    assert instrumented.points(names.COST.name)


def test_metrics_that_a_third_one_makes_are_not_left_out(instrumented, other):
    instrumented.meter_provider.get_meter("third").create_histogram(TOKENS)
    with other():
        ask(client_for(COMPLETION))
    assert tokens_counted(instrumented) == 15


NOT_THE_SAME = {
    "an agent": CHAT | {names.OPERATION: "invoke_agent"},
    "a tool": CHAT | {names.OPERATION: "execute_tool"},
    "another model": CHAT | {names.REQUEST_MODEL: "gpt-4o"},
    "embeddings": CHAT | {names.OPERATION: "embeddings"},
    "a chain of OpenInference": {names.OPENINFERENCE_KIND: "CHAIN"},
    "a call that has its answer": CHAT | {names.RESPONSE_ID: "chatcmpl-0"},
    "no GenAI span": {"http.request.method": "POST"},
    "nothing": {},
}


@pytest.mark.parametrize("attributes", NOT_THE_SAME.values(), ids=NOT_THE_SAME)
def test_a_span_of_something_else_stays_as_it_is(instrumented, other, attributes):
    instrumented.meter_provider.get_meter("other").create_histogram(TOKENS)
    with other(attributes):
        ask(client_for(COMPLETION))
    (theirs,), (ours,) = spans_of(instrumented, "other"), spans_of(instrumented, "otel_llm")
    assert dict(theirs.attributes) == attributes
    assert ours.parent.span_id == theirs.context.span_id
    assert tokens_counted(instrumented) == 15


@pytest.mark.parametrize(
    ("theirs", "asked"),
    [
        ("openai/gpt-4o-mini", "gpt-4o-mini"),
        ("openai:gpt-4o-mini", "gpt-4o-mini"),
        ("gpt-4o-mini", "gpt-4o-mini-2024-07-18"),
        ("fallback:gpt-4o,gpt-4o-mini", "gpt-4o-mini"),
        ("GPT-4o-mini", "gpt-4o-mini"),
    ],
)
def test_a_model_by_another_name_is_the_same(instrumented, other, theirs, asked):
    with other(CHAT | {names.REQUEST_MODEL: theirs}):
        ask(client_for(COMPLETION), model=asked)
    assert instrumented.span.instrumentation_scope.name == "other"


def test_a_second_call_inside_the_same_span_is_a_call_of_its_own(instrumented, other):
    with other():
        ask(client_for(COMPLETION))
        ask(client_for({**COMPLETION, "id": "second"}))
    (ours,) = spans_of(instrumented, "otel_llm")
    assert ours.attributes[names.RESPONSE_ID] == "second"
    assert tokens_counted(instrumented) == 30


def test_a_call_during_the_stream_of_the_same_span_is_a_call_of_its_own(instrumented, other):
    with other():
        for number, _ in enumerate(ask(client_for(STREAM), stream=True)):
            if not number:
                ask(client_for({**COMPLETION, "id": "second"}))
    (ours,) = spans_of(instrumented, "otel_llm")
    assert ours.attributes[names.RESPONSE_ID] == "second"


def test_a_call_after_the_end_of_the_span_has_a_span_of_its_own(instrumented, other):
    with other(end_on_exit=False) as span:
        span.end()
        ask(client_for(COMPLETION))
    assert len(spans_of(instrumented, "otel_llm")) == 1


def failing_client():
    client = client_for(COMPLETION)
    client.base_url = "http://127.0.0.1:1/v1"
    client._client = type(client._client)()
    return client


def test_an_error_that_the_other_sees_gets_its_class(instrumented, other):
    with contextlib.suppress(openai.APIConnectionError), other():
        ask(failing_client())
    span = instrumented.span
    assert (span.status.status_code, span.attributes[names.ERROR_TYPE]) == (StatusCode.ERROR, "APIConnectionError")
    assert [point.attributes[names.ERROR_TYPE] for point in instrumented.points(DURATION)] == [
        "APIConnectionError"
    ]


def test_a_repeated_request_that_succeeds_is_recorded_on_the_span_without_the_error(instrumented, other):
    with other():
        with contextlib.suppress(openai.APIConnectionError):
            ask(failing_client())
        ask(client_for(COMPLETION))
    span = instrumented.span
    assert (span.status.status_code, names.ERROR_TYPE in span.attributes) == (StatusCode.UNSET, False)
    assert span.attributes[COST] > 0


def test_an_error_within_the_response_is_an_error_of_the_span(instrumented, other):
    failed = {
        "id": "resp_1", "object": "response", "created_at": 1, "model": "gpt-4o-mini", "output": [], "tools": [],
        "status": "failed", "error": {"code": "server_error", "message": "no"},
        "parallel_tool_calls": True, "tool_choice": "auto",
    }  # fmt: skip
    with other():
        client_for(failed).responses.create(model="gpt-4o-mini", input="Hello?")
    span = instrumented.span
    assert (span.status.status_code, span.attributes[names.ERROR_TYPE]) == (StatusCode.ERROR, "server_error")


def test_a_span_that_its_owner_forgets_after_a_stream_left_early_is_ended(instrumented, other):
    with other(end_on_exit=False):
        stream = ask(client_for(STREAM), stream=True)
        next(iter(stream))
        stream.close()
    assert not instrumented.spans
    instrumented.tracer_provider.force_flush()
    assert instrumented.span.attributes[names.RESPONSE_TIME_TO_FIRST_CHUNK] > 0


def test_a_span_whose_call_is_whole_is_left_to_its_owner(instrumented, other):
    with other(end_on_exit=False) as span:
        ask(client_for(COMPLETION))
    instrumented.tracer_provider.force_flush()
    assert not instrumented.spans
    span.set_attribute("late", 1)
    span.end()
    assert instrumented.span.attributes["late"] == 1


def test_suppressed_instrumentation_inside_the_span_of_the_call_still_completes_it(instrumented, other):
    with other(), suppress_instrumentation():
        ask(client_for(COMPLETION))
    assert instrumented.span.attributes[COST] > 0


def test_a_framework_that_records_the_call_elsewhere_is_respected(instrumented):
    instrumented.meter_provider.get_meter("framework").create_histogram(TOKENS).record(15)
    token = otel_context.attach(otel_context.set_value("suppress_language_model_instrumentation", True))
    try:
        ask(client_for(COMPLETION))
    finally:
        otel_context.detach(token)
    assert not instrumented.spans
    assert tokens_counted(instrumented) == 15
    assert instrumented.points(names.COST.name)


def test_surrounding_spans_may_be_ignored(exported, other):
    exported.instrument(surrounding_spans="ignore")
    with other():
        ask(client_for(COMPLETION))
    assert {span.instrumentation_scope.name for span in exported.spans} == {"otel_llm", "other"}


def test_a_span_that_is_not_sampled_takes_no_attributes(instrumented):
    instrumented.tracer_provider.sampler = ALWAYS_OFF
    with instrumented.tracer_provider.get_tracer("other").start_as_current_span("chat", attributes=CHAT):
        ask(client_for(COMPLETION))
    assert not instrumented.spans
    assert tokens_counted(instrumented) == 15


def wrapped_by_wrapt(other):
    def request(wrapped, _instance, args, kwargs):
        with other():
            return wrapped(*args, **kwargs)

    wrap_function_wrapper("openai", "OpenAI.request", request)


def wrapped_by_a_closure(other):
    original = openai.OpenAI.request

    @functools.wraps(original)
    def request(*args, **kwargs):
        with other():
            return original(*args, **kwargs)

    openai.OpenAI.request = request


@pytest.mark.parametrize("wrap", [wrapped_by_wrapt, wrapped_by_a_closure])
def test_a_method_that_another_library_wrapped_before_us_still_reaches_us(exported, other, wrap):
    plain = openai._base_client.SyncAPIClient.request
    wrap(other)
    try:
        exported.instrument()
        ask(client_for(COMPLETION))
        assert exported.span.attributes[COST] > 0
        otel_llm.uninstrument()
        ask(client_for(COMPLETION))
        assert [COST in span.attributes for span in exported.spans] == [True, False]
        assert openai._base_client.SyncAPIClient.request is plain
    finally:
        del openai.OpenAI.request
