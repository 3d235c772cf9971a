"""What calls carry, on its way between processes: baggage by W3C's propagator, spans by OTLP."""

import json
import logging
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote_plus

import openai
import pytest
from in_process import COMPLETION, client_for, httpx
from opentelemetry.baggage import set_baggage
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import attach, detach, get_current
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from support.decoding import decode

import otel_llm
from otel_llm import names
from otel_llm.evaluate.definition.installed import encoder_manifest
from otel_llm.evaluate.engine.encoder import Encoder
from otel_llm.evaluate.kinds.loading import load_evaluators
from otel_llm.instrument.scope.baggage import without_baggage
from otel_llm.instrument.scope.inherited import inherited_attributes

ASK = [{"role": "user", "content": "Hello?"}]
TAG = names.TAG_PREFIX
W3C = W3CBaggagePropagator()


class Service:
    """A server on loopback that answers as a model does, and keeps the header `baggage` of each request."""

    def __init__(self):
        self.received = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers.get("content-length", 0)))
                service.received.append((self.path, self.headers.get("baggage")))
                body = json.dumps(COMPLETION).encode()
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def service():
    service = Service()
    thread = threading.Thread(target=service.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield service
    service.server.shutdown()
    thread.join()
    service.server.server_close()


def propagating_client():
    """An HTTP client that sends the current context's baggage, as an instrumented one does."""
    return httpx.Client(event_hooks={"request": [lambda request: W3C.inject(request.headers)]})


@contextmanager
def received(header):
    """Be a service that was called with this header."""
    token = attach(W3C.extract({"baggage": header}))
    try:
        yield
    finally:
        detach(token)


def entries(header):
    return dict(map(unquote_plus, entry.split("=")) for entry in (header or "").split(",") if entry)


def ask(answer=COMPLETION):
    client_for(answer).chat.completions.create(model="gpt-4o-mini", messages=ASK)


def carried(span):
    own = (names.USER_ID, names.CONVERSATION_ID, names.PROMPT_NAME, names.PROMPT_VERSION)
    return {name: value for name, value in span.attributes.items() if name in own or name.startswith(TAG)}


def test_a_service_gets_the_baggage_and_the_provider_does_not(instrumented, service):
    with (
        propagating_client() as http_client,
        openai.OpenAI(api_key="none", base_url=f"{service.url}/v1", http_client=http_client) as client,
    ):
        token = attach(set_baggage("region", "eu"))
        with otel_llm.context(user="ada", prompt=("support", "3"), documents=["A page."], tags={"team é": True}):
            http_client.post(f"{service.url}/rank")
            client.chat.completions.create(model="gpt-4o-mini", messages=ASK)
            http_client.post(f"{service.url}/rank")
        http_client.post(f"{service.url}/after")
        detach(token)

    ours = {
        names.USER_ID: "ada",
        names.PROMPT_NAME: "support",
        names.PROMPT_VERSION: "3",
        f"{TAG}team é": "true",
    }
    assert [(path, entries(header)) for path, header in service.received] == [
        ("/rank", {"region": "eu", **ours}),
        ("/v1/chat/completions", {"region": "eu"}),
        ("/rank", {"region": "eu", **ours}),
        ("/after", {"region": "eu"}),
    ]
    assert carried(instrumented.span) == {**ours, f"{TAG}team é": True}


def test_the_provider_gets_no_header_at_all_where_the_app_sends_no_baggage_of_its_own(instrumented, service):
    with (
        propagating_client() as http_client,
        openai.OpenAI(api_key="none", base_url=f"{service.url}/v1", http_client=http_client) as client,
        otel_llm.context(user="ada"),
    ):
        client.chat.completions.create(model="gpt-4o-mini", messages=ASK)

    assert service.received == [("/v1/chat/completions", None)]


def test_a_called_service_has_it_on_its_own_calls(instrumented):
    headers = {}
    with otel_llm.context(
        user="ada", conversation="c-1", prompt=("support", "3"), tags={"seat": 7, "tier": "gold"}
    ):
        W3C.inject(headers)
    with received(headers["baggage"]):
        ask()
        with otel_llm.context(user="bob", prompt="sales", tags={"tier": "tin"}):
            ask()
    ask()

    first, second, third = instrumented.spans
    assert carried(first) == {
        names.USER_ID: "ada",
        names.CONVERSATION_ID: "c-1",
        names.PROMPT_NAME: "support",
        names.PROMPT_VERSION: "3",
        f"{TAG}seat": "7",
        f"{TAG}tier": "gold",
    }
    assert carried(second) == {
        names.USER_ID: "bob",
        names.CONVERSATION_ID: "c-1",
        names.PROMPT_NAME: "sales",
        f"{TAG}seat": "7",
        f"{TAG}tier": "tin",
    }
    assert carried(third) == {}


def test_without_baggage_it_stays_in_the_process_and_hides_what_it_replaces():
    headers = {}
    with (
        otel_llm.context(user="ada", conversation="c-1"),
        otel_llm.context(user="bob", tags={"tier": "gold"}, baggage=False),
    ):
        W3C.inject(headers)
        assert inherited_attributes(get_current()) == {
            names.CONVERSATION_ID: "c-1",
            names.USER_ID: "bob",
            f"{TAG}tier": "gold",
        }

    assert entries(headers["baggage"]) == {names.CONVERSATION_ID: "c-1"}


def test_what_comes_from_outside_is_bounded_and_of_known_keys_alone(instrumented):
    many = ",".join(f"{TAG}t{number}=x" for number in range(100))
    with received(f"gen_ai.request.model=other,{names.USER_ID}={'u' * 257},{TAG}={'x'},{TAG}{'k' * 65}=x,{many}"):
        ask()

    span = instrumented.span
    assert span.attributes[names.REQUEST_MODEL] == "gpt-4o-mini"
    assert carried(span) == {f"{TAG}t{number}": "x" for number in range(32)}


def test_what_is_too_long_for_baggage_stays_in_the_process_without_a_warning(instrumented, caplog):
    longest = {"é" * 64: "🦙" * 256}
    headers = {}
    with (
        caplog.at_level(logging.WARNING),
        otel_llm.context(user="u" * 257, tags={**longest, "k" * 65: "x"}),
    ):
        W3C.inject(headers)
        ask()

    assert entries(headers["baggage"]) == {f"{TAG}{'é' * 64}": "🦙" * 256}
    assert not caplog.records
    assert carried(instrumented.span) == {
        names.USER_ID: "u" * 257,
        f"{TAG}{'é' * 64}": "🦙" * 256,
        f"{TAG}{'k' * 65}": "x",
    }


def test_a_context_without_baggage_is_left_as_it_is():
    plain = {"key": 1}
    assert without_baggage(plain) is plain
    other = dict(set_baggage("region", "eu"))
    assert without_baggage(other) is other


def test_the_evaluation_service_reads_what_a_call_carried(exported):
    documents = ["The library opens at 9.", "A card costs 5 euros."]
    exported.instrument(capture_content=True)
    with otel_llm.context(user="ada", conversation="c-1", prompt=("support", "3"), documents=documents):
        ask()

    (call,) = decode(encode_spans(exported.spans).SerializeToString()).calls
    assert call.user_id == "ada"
    assert call.conversation_id == "c-1"
    assert (call.prompt_name, call.prompt_version) == ("support", "3")
    assert call.documents == tuple(documents)
    assert call.output_text == "Hello."


def test_groundedness_is_judged_against_the_documents_of_the_context(exported):
    message = {"role": "assistant", "content": "A card costs 5 euros."}
    answer = {**COMPLETION, "choices": [{"index": 0, "finish_reason": "stop", "message": message}]}
    exported.instrument(capture_content=True)
    for documents in (["A card costs 5 euros. It is blue."], ["Loans last three weeks."], None):
        with otel_llm.context(documents=documents):
            ask(answer)

    (groundedness,) = load_evaluators(["groundedness"])
    encoder = Encoder(encoder_manifest("minilm_l6_v2"))
    results = []
    for call in decode(encode_spans(exported.spans).SerializeToString()).calls:
        results += groundedness.evaluate(call, encoder.encode(groundedness.texts(call)))
    assert [result.label for result in results] == ["pass", "fail", "not_applicable"]
    assert results[0].score == 1.0
