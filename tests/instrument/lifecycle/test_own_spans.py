"""One GenAI span a call, though the client emits spans by itself: ours, or the client's own with what it lacks.

The client is a small one of the test's own, which opens its span inside the patched method, as real ones do.
"""

from types import SimpleNamespace

import pytest
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.trace import Status, StatusCode
from usages import usage_of

import otel_llm
from otel_llm import names
from otel_llm.instrument import setup
from otel_llm.instrument.contract.client import LlmClient
from otel_llm.instrument.contract.data import Content, Endpoint, Request, Response
from otel_llm.instrument.contract.results import Streamed
from otel_llm.instrument.lifecycle.wrap import wrap

SCOPE = "small.client"


class Chunks:
    def __init__(self, captures):
        self._captures = captures
        self._said = []

    def add(self, chunk):
        self._said.append(chunk)

    def response(self):
        response = read_response(self._said[-1] if self._said else None)
        if not self._captures:
            response.read_messages = list
        return response


def read_response(answer):
    if answer is None:
        return Response()
    return Response(
        id="own-1",
        model="gpt-4o-mini-2024-07-18",
        usage=usage_of(input_tokens=20, output_tokens=3),
        read_messages=lambda: [{"role": "assistant", "parts": [{"type": "text", "content": answer}]}],
    )


CHAT = Endpoint(
    operation="chat",
    read_attributes=lambda body: {},
    read_content=lambda body: Content(
        messages=[{"role": "user", "parts": [{"type": "text", "content": body["question"]}]}]
    ),
    read_response=read_response,
    add_up=Chunks,
)


class SmallClient(LlmClient):
    """A library with one method, `ask(question, stream=False)`."""

    distribution = "small-client"
    versions = ">=1,<2"
    own_scopes = frozenset({SCOPE})
    patches = ()

    def __init__(self, tracer):
        self._tracer = tracer
        self.emits = True
        self.fails = False
        self.cost_usd = None
        self.streams = []

    def read_request(self, args, kwargs, servers):
        return Request(
            endpoint=CHAT, provider="openai", model="gpt-4o-mini", address=None, port=None,
            body={"question": args[0]}, stream=bool(kwargs.get("stream")),
        )  # fmt: skip

    def read_result(self, result, request):
        return Streamed(result) if request.stream else result

    def silence(self, args, kwargs):
        self.emits = False

    def ask(self, question, *, stream=False):
        emits, self.emits = self.emits, True
        span = self._tracer.start_span("small.ask", attributes={names.OPERATION: "chat"}) if emits else None
        if self.fails:
            if span is not None:
                span.set_status(Status(StatusCode.ERROR, "by the client"))
                span.end()
            raise ValueError("refused")
        if stream:
            return self._chunks(span)
        if span is not None:
            span.set_attribute(names.RESPONSE_ID, "by the client")
            if self.cost_usd is not None:
                span.set_attribute(names.USAGE_COST, self.cost_usd)
            span.end()
        return "one two three"

    def _chunks(self, span):
        yield from ("one", "two", "three")
        if span is not None:
            span.end()


@pytest.fixture
def small(exported):
    """Instruments with the settings given; returns the library and its patched method."""

    def instrumented(**settings):
        exported.instrument(**settings)
        client = SmallClient(exported.tracer_provider.get_tracer(SCOPE))
        return SimpleNamespace(client=client, ask=wrap(client.ask, client, setup._active))

    return instrumented


def test_by_default_the_span_is_ours_and_the_client_opens_none(exported, small):
    assert small().ask("Hello?") == "one two three"

    assert exported.span.name == "chat gpt-4o-mini"
    assert exported.span.instrumentation_scope.name == "otel_llm"


def test_a_completed_span_is_the_clients_with_what_it_lacks(exported, small):
    with otel_llm.context(user="anna"):
        assert small(client_spans="complete", capture_content=True).ask("Hello?") == "one two three"

    attributes = exported.span.attributes
    assert (exported.span.name, exported.span.instrumentation_scope.name) == ("small.ask", SCOPE)
    assert attributes[names.RESPONSE_ID] == "by the client"  # what it said stays
    assert attributes[names.REQUEST_MODEL] == "gpt-4o-mini"
    assert attributes[names.USAGE_INPUT_TOKENS] == 20
    assert attributes["user.id"] == "anna"
    assert "Hello?" in attributes[names.INPUT_MESSAGES]
    assert "one two three" in attributes[names.OUTPUT_MESSAGES]
    assert exported.points(names.OPERATION_DURATION.name)


@pytest.mark.parametrize(("cost_usd", "recorded"), [(None, (pytest.approx(26e-6), "own")), (0.5, (0.5, None))])
def test_a_cost_that_the_client_has_recorded_stays_without_our_source(
    exported, small, tmp_path, cost_usd, recorded
):
    path = tmp_path / "prices.toml"
    path.write_text('[models."gpt-4o-mini"]\ninput_usd_per_mtok = 1\noutput_usd_per_mtok = 2\n')
    library = small(client_spans="complete", prices=path)
    library.client.cost_usd = cost_usd
    library.ask("Hello?")

    attributes = exported.span.attributes
    assert (attributes[names.USAGE_COST], attributes.get(names.USAGE_COST_SOURCE)) == recorded


def test_a_completed_stream_ends_once_its_cost_is_known(exported, small):
    # the first call of a process may end before its price is known
    small(client_spans="complete").ask("Hello?")
    assert exported.spans
    exported.span_exporter.clear()
    chunks = small(client_spans="complete").ask("Hello?", stream=True)
    assert next(chunks) == "one"
    assert exported.spans == []
    assert list(chunks) == ["two", "three"]

    attributes = exported.span.attributes
    assert attributes[names.RESPONSE_TIME_TO_FIRST_CHUNK] > 0
    assert attributes[names.USAGE_OUTPUT_TOKENS] == 3
    assert attributes[names.USAGE_COST] > 0


def test_a_stream_that_is_left_is_ended_by_the_client(exported, small):
    chunks = small(client_spans="complete").ask("Hello?", stream=True)
    next(chunks)
    chunks.close()

    assert exported.spans == []  # this client ends the span of a stream that is read to its end, and no other
    assert exported.points(names.OPERATION_DURATION.name)


def test_the_clients_own_status_stays(exported, small):
    library = small(client_spans="complete")
    library.client.fails = True
    with pytest.raises(ValueError, match="refused"):
        library.ask("Hello?")

    assert exported.span.status.description == "by the client"
    assert exported.span.attributes[names.ERROR_TYPE] == "ValueError"


def test_a_client_that_opens_no_span_gets_ours(exported, small):
    library = small(client_spans="complete")
    library.client.emits = False
    library.ask("Hello?")

    assert exported.span.name == "chat gpt-4o-mini"
    assert exported.span.attributes[names.USAGE_OUTPUT_TOKENS] == 3
    assert exported.span.end_time - exported.span.start_time > 0


def test_a_stream_of_a_client_that_opens_no_span_has_its_content_on_ours(exported, small):
    library = small(client_spans="complete", capture_content=True)
    library.client.emits = False
    list(library.ask("Hello?", stream=True))

    assert "Hello?" in exported.span.attributes[names.INPUT_MESSAGES]
    assert "three" in exported.span.attributes[names.OUTPUT_MESSAGES]


@pytest.mark.parametrize("client_spans", ["replace", "complete"])
def test_a_suppressed_call_has_no_span_of_anybody(exported, small, client_spans):
    with suppress_instrumentation():
        small(client_spans=client_spans).ask("Hello?")

    assert exported.spans == []


def test_spans_of_others_inside_a_call_are_theirs(exported, small):
    library = small(client_spans="complete")
    library.client._tracer = exported.tracer_provider.get_tracer("http")
    library.ask("Hello?")

    assert {span.instrumentation_scope.name for span in exported.spans} == {"http", "otel_llm"}


def test_after_uninstrument_the_client_is_as_it_was(exported, small):
    library = small(client_spans="complete")
    library.ask("Hello?")
    otel_llm.uninstrument()
    exported.span_exporter.clear()
    library.ask("Hello?")

    assert (exported.span.name, names.USAGE_INPUT_TOKENS in exported.span.attributes) == ("small.ask", False)


def test_a_client_that_cannot_be_silenced_has_both_spans(exported, small, monkeypatch, caplog):
    library = small(debug_raise=False)
    monkeypatch.setattr(library.client, "silence", lambda *_: 1 / 0)
    library.ask("Hello?")

    assert {span.instrumentation_scope.name for span in exported.spans} == {SCOPE, "otel_llm"}
    assert "silencing a client failed, the app is not affected" in caplog.text


def test_a_wrong_choice_is_an_error_that_names_it(exported):
    with pytest.raises(
        otel_llm.errors.ConfigError, match="client_spans must be one of replace, complete, got 'both'"
    ):
        exported.instrument(client_spans="both")
