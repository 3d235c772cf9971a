"""Whatever arrives: no error but those that are documented. For longer: OTEL_LLM_FUZZ_EXAMPLES=100000."""

import contextlib
import gzip
import zlib

import pytest
from fuzzing import CORPUS, bodies, documents, fuzzing, mutated_bytes, mutated_json
from hypothesis import given
from hypothesis import strategies as st
from support.results import call, result
from support.zstandard import zstd

from otel_llm.errors import DecodeError
from otel_llm.genai.decode import (
    is_genai,
    read_content_events,
    read_span,
    service_name,
    with_content,
    with_documents,
)
from otel_llm.masking.content import masked, masked_log, stripped, stripped_log
from otel_llm.otlp.json import read_json
from otel_llm.otlp.rebuild import rebuild
from otel_llm.otlp.requests import read_request, read_spans, scopes
from otel_llm.otlp.screen import screen
from otel_llm.receive.http.encodings import unpacked
from otel_llm.receive.refusal import Refusal
from otel_llm.report.enrich import enriched
from otel_llm.send.splitting import split

SIGNALS = ("traces", "logs")
LIMIT = 4_000_000


def take(signal: str, body: bytes) -> None:
    """Do with a request all that the service does with it."""
    try:
        screened = screen(signal, body, max_item_bytes=LIMIT, checks_ids=True)
    except DecodeError:
        return
    for part in split(signal, screened.body, 2000):
        read_request(signal, part)
    rebuild(screened.body, {0: None, 1: b""})
    if signal == "logs":
        with contextlib.suppress(DecodeError):
            for event in read_content_events(screened.body)[0]:
                with_content(call(), [event])
    for scope in scopes(read_request(signal, screened.body)):
        for item in scope.items:
            for rewrite in (masked, stripped) if signal == "traces" else (masked_log, stripped_log):
                with contextlib.suppress(DecodeError):
                    rewrite(item)
    if signal == "traces":
        read_all(screened.body)


def read_all(body: bytes) -> None:
    for resource, spans in read_spans(body):
        for span in filter(is_genai, spans):
            enriched(span, [result()])
            with contextlib.suppress(DecodeError):
                service, outline = service_name(resource), read_span(span)
                assert isinstance(outline.has_content, bool)
                if outline.kind == "call":
                    found = with_documents(outline.call(service), ["a document"])
                    assert isinstance(found.input_text + found.output_text, str)
                    (found.input_text + found.output_text).encode()  # what tokenizers do with it
                elif outline.kind == "context":
                    assert all(isinstance(text, str) for text in outline.documents())


@pytest.mark.parametrize("signal", SIGNALS)
@given(data=st.data())
@fuzzing
def test_mutated_protobuf(signal: str, data: st.DataObject) -> None:
    take(signal, data.draw(mutated_bytes(bodies(signal))))


@pytest.mark.parametrize("signal", SIGNALS)
@given(data=st.data())
@fuzzing
def test_mutated_json(signal: str, data: st.DataObject) -> None:
    with contextlib.suppress(DecodeError):
        body, _ = read_json(signal, data.draw(mutated_json(documents(signal))))
        take(signal, body)


@given(body=st.binary(max_size=400))
@fuzzing
def test_anything_at_all(body: bytes) -> None:
    for signal in (*SIGNALS, "metrics"):
        with contextlib.suppress(DecodeError):
            screen(signal, body, max_item_bytes=LIMIT, checks_ids=True)
        with contextlib.suppress(DecodeError):
            read_json(signal, body)


@pytest.mark.parametrize(
    ("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("zstd", zstd)]
)
@given(data=st.data())
@fuzzing
def test_mutated_encodings(encoding: str, pack, data: st.DataObject) -> None:
    packed = tuple(pack(body) for body in bodies("traces")[:3])
    with contextlib.suppress(Refusal):
        body = unpacked(data.draw(mutated_bytes(packed)), encoding, max_bytes=100_000)
        assert body is None or len(body) <= 100_000


@pytest.mark.parametrize("path", sorted(CORPUS.glob("*-*")), ids=lambda path: path.name)
def test_what_was_found_once_is_no_fault_any_more(path) -> None:
    signal = path.name.split("-")[0]
    data = path.read_bytes()
    if path.suffix == ".json":
        try:
            data, _ = read_json(signal, data)
        except DecodeError:
            return
    take(signal, data)
