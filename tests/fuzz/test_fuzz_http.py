"""Whatever is posted: taken or refused as the sender's fault, and never the service's (500)."""

import asyncio
import gzip
import json
import re
import zlib
from typing import Any

import httpx
import pytest
from fuzzing import CORPUS, bodies, documents, fuzzing, mutated_bytes
from hypothesis import given
from hypothesis import strategies as st
from support.receivers import JSON, PROTOBUF, MemorySink, Tally
from support.zstandard import zstd

from otel_llm.config.receive import ReceiverSettings
from otel_llm.receive.http.receiver import HttpReceiver
from otel_llm.receive.intake import Intake

PACKED = {"identity": bytes, "gzip": gzip.compress, "deflate": zlib.compress, "zstd": zstd}
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null|\[\]|\{\}')
_ODD_TOKENS = [
    r'"\ud800"', r'"\udfff\ud800"', "1e400", "-1e400", "NaN", "Infinity", "9" * 400, "9" * 5000, "-1", "1.5",
    '"9"', '"' + "9" * 5000 + '"', "null", "true", "{}", "[]", "[[]]", "[null]", "5", '"x"', '""', "[" * 2000,
    '{"arrayValue":{"values":[' * 60 + "{}" + "]}}" * 60, '{"a":1,"a":[]}', r'{"\ud800":1}', "\ufeff", ",", "\x00",
]  # fmt: skip


def post(signal: str, content: bytes, headers: dict[str, str]) -> tuple[httpx.Response, MemorySink]:
    """Return the answer of a receiver of its own, and the sink behind it."""

    async def answer() -> tuple[httpx.Response, MemorySink]:
        sink, settings = MemorySink(), ReceiverSettings()
        transport = httpx.ASGITransport(HttpReceiver(Intake(sink, Tally(), settings), settings))  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://receiver") as client:
            return await client.post(f"/v1/{signal}", content=content, headers=headers), sink

    return asyncio.run(answer())


@st.composite
def odd_json(draw: Any, originals: tuple[str, ...]) -> bytes:
    """One of the originals with other tokens, which need not be JSON, at some places; names of fields too."""
    text = draw(st.sampled_from(originals))
    for _ in range(draw(st.integers(1, 3))):
        tokens = list(_TOKEN.finditer(text))
        token = draw(st.sampled_from(tokens)) if tokens else re.match("", text)
        assert token is not None
        text = text[: token.start()] + draw(st.sampled_from(_ODD_TOKENS)) + text[token.end() :]
    return text.encode(errors="surrogatepass")


@pytest.mark.parametrize("signal", ["traces", "logs"])
@given(data=st.data())
@fuzzing
def test_odd_tokens_in_json(signal: str, data: st.DataObject) -> None:
    response, sink = post(signal, data.draw(odd_json(documents(signal))), JSON)
    assert response.status_code in {200, 400}
    assert isinstance(json.loads(response.content), dict)
    sink.exports()  # what came as JSON goes on as protobuf that everyone reads


@pytest.mark.parametrize("encoding", PACKED)
@given(data=st.data())
@fuzzing
def test_mutated_bodies_in_every_encoding(encoding: str, data: st.DataObject) -> None:
    signal = data.draw(st.sampled_from(["traces", "logs", "metrics"]))
    body = data.draw(mutated_bytes(bodies("traces") + bodies("logs")))
    response, sink = post(signal, PACKED[encoding](body), PROTOBUF | {"content-encoding": encoding})
    assert response.status_code in {200, 400}
    assert all(request.items for request in sink.requests)


@pytest.mark.parametrize("path", sorted(CORPUS.glob("*-*")), ids=lambda path: path.name)
def test_what_was_found_once_is_answered(path) -> None:
    response, _ = post(path.name.split("-")[0], path.read_bytes(), JSON if path.suffix == ".json" else PROTOBUF)
    assert response.status_code in {200, 400}
