"""The lifecycles take any client, whatever its answers come over: lines of JSON, gRPC."""

import contextlib
import functools
import json
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from in_process import Pieces, httpx
from opentelemetry.trace import StatusCode
from small_library import WORDS, made

from otel_llm import names
from otel_llm.instrument.contract.results import Raw
from otel_llm.instrument.lifecycle.httpx_tap import listen


def the_answer(exported):
    return exported.span.attributes.get(names.RESPONSE_ID)


def test_a_body_of_a_json_value_a_line(exported, monkeypatch):
    body = "".join(f"{json.dumps({'word': word})}\n" for word in WORDS).encode()

    def ask(*, model):
        http = httpx.Client(
            transport=httpx.MockTransport(
                lambda _: httpx.Response(
                    200, headers={"content-type": "application/x-ndjson"}, stream=Pieces(body)
                )
            )
        )
        return http.send(http.build_request("POST", "http://small.example"), stream=True)

    def read(response):
        kind = response.headers["content-type"]
        return Raw(kind, functools.partial(listen, response), lambda value: value["word"])

    library = made(monkeypatch, read=read, ask=ask)
    exported.instrument()
    with contextlib.closing(library.ask(model="m")) as response:
        assert len(list(response.iter_lines())) == 3

    assert the_answer(exported) == "one two three"


@pytest.fixture
def target():
    """A gRPC server: `Ask` answers with the request, `Stream` with its words, or fails after the first."""

    def stream(request, context):
        for word in request.split():
            yield word
            if b"broken" in request:
                context.abort(grpc.StatusCode.UNAVAILABLE, "gone")

    handlers = {
        "Ask": grpc.unary_unary_rpc_method_handler(lambda request, _: request),
        "Stream": grpc.unary_stream_rpc_method_handler(stream),
    }
    server = grpc.server(ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("small.Chat", handlers)])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None).wait()


@pytest.fixture
def over_grpc(exported, monkeypatch, target):
    """A library that speaks gRPC, instrumented."""
    with grpc.insecure_channel(target) as channel:
        ask, stream = channel.unary_unary("/small.Chat/Ask"), channel.unary_stream("/small.Chat/Stream")

        class Client:
            def ask(self, text, *, model, stream=False):
                return ask(text.encode(), timeout=10).decode()

            def stream(self, text, *, model):
                return stream(text.encode(), timeout=10)

        library = made(monkeypatch, Client=Client)
        monkeypatch.setattr(
            "small_library.Words.add", lambda self, chunk: self._words.append(f"{chunk.decode()} ")
        )
        exported.instrument()
        yield library.Client()


def test_a_unary_call_over_grpc(exported, over_grpc):
    assert over_grpc.ask("one two", model="m", stream=False) == "one two"

    assert the_answer(exported) == "one two"


def test_a_stream_over_grpc_is_read_like_the_librarys_own(exported, over_grpc):
    chunks = over_grpc.stream("one two", model="m")
    assert list(chunks) == [b"one", b"two"]
    assert chunks.code() is grpc.StatusCode.OK

    assert the_answer(exported) == "one two "


def test_a_stream_over_grpc_that_breaks(exported, over_grpc):
    chunks = over_grpc.stream("one broken", model="m")
    with pytest.raises(grpc.RpcError):
        list(chunks)

    assert exported.span.status.status_code is StatusCode.ERROR
    assert the_answer(exported) == "one "
