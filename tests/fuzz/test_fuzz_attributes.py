"""Attributes of every dialect with odd numbers in their names and odd values: read, or refused by DecodeError."""

import contextlib
import json
from typing import Any

import pytest
from fuzzing import fuzzing
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from support.results import result
from support.spans import span

from otel_llm.errors import DecodeError
from otel_llm.genai.decode import read_span
from otel_llm.genai.dialects import DIALECTS
from otel_llm.masking.content import masked, stripped
from otel_llm.report.enrich import enriched

_SIGNS: list[dict[str, Any]] = [
    {"gen_ai.operation.name": "chat"},
    {"gen_ai.operation.name": "execute_tool"},
    {"gen_ai.system": "openai", "gen_ai.request.model": "m"},
    {"llm.request.type": "chat"},
    {"traceloop.span.kind": "tool"},
    {"openinference.span.kind": "LLM"},
    {"openinference.span.kind": "RETRIEVER"},
    {"ai.operationId": "ai.generateText.doGenerate"},
    {"ai.operationId": "ai.toolCall"},
    {"litellm.call_id": "1", "gen_ai.operation.name": "chat"},
]
_MESSAGES = json.dumps(
    [{"role": "user", "parts": [{"type": "text", "content": "Hi \U0001f600"}], "content": "Hi"}]
)
_INDICES = st.sampled_from(
    ["0", "1", "00", "999999", "1000000", "9" * 40, "-1", "0.0", "\u0663", "\u00b2", "", " 1", "x"]
)
_TEXTS = st.sampled_from(
    [
        _MESSAGES, "[" * 5000, '[{"role":' * 400, '{"a":' * 5000, '"\\ud800"',
        '[{"role":"\\ud800","content":"\\udfff"}]', "<context>" * 99,
        "NaN", "[1e999]", "9" * 5000, '[{"role":"user","role":5}]', "\x00", "", "otel_llm.evaluation.id",
        '[{"type":"text","text":{}}]', '[{"role":"tool","content":[[]]}]', '{"value":[{"document":null}]}',
    ]
)  # fmt: skip


@st.composite
def _cut_or_spliced(draw: Any) -> str:
    text = draw(_TEXTS)[:200] or _MESSAGES
    at = draw(st.integers(0, len(text)))
    return text[:at] + draw(_TEXTS)[:200] + (text[at + draw(st.integers(0, 9)) :] if draw(st.booleans()) else "")


_VALUES = st.one_of(
    _TEXTS,
    _cut_or_spliced(),
    st.booleans(),
    st.sampled_from([0, -1, 2**63 - 1, -(2**63), float("nan"), float("inf"), -0.0, 1e308, 0.5]),
    st.lists(_TEXTS.map(lambda text: text[:50]), max_size=3),
)


def _names(dialect: Any) -> list[str]:
    fields = dialect.fields
    return sorted({*dialect.context, *(name for each in type(fields).__slots__ for name in getattr(fields, each))})


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
@given(data=st.data())
@fuzzing
def test_odd_attributes_are_read_or_refused(dialect: Any, data: st.DataObject) -> None:
    attributes: dict[str, Any] = {}
    for name in data.draw(st.lists(st.sampled_from(_names(dialect)), max_size=5)):
        numbered = name
        while "N" in numbered.split("."):
            numbered = numbered.replace(".N", f".{data.draw(_INDICES)}", 1)
        attributes[numbered] = data.draw(_VALUES)
    written = span(attributes | data.draw(st.sampled_from(_SIGNS))).SerializeToString()
    if data.draw(st.booleans()):  # a name that is no UTF-8: the reader takes it, protobuf's full schema does not
        written = written.replace(b"chat gpt-4o", b"chat gpt-\xff\xff")
    _do_all(written)


def _do_all(written: bytes) -> None:
    with contextlib.suppress(DecodeError):
        outline = read_span(written)
        if outline.kind == "call":
            call = outline.call("shop")
            json.dumps([call.input_text, call.output_text, call.system, *call.documents]).encode()
        elif outline.kind == "context":
            assert all(isinstance(text, str) for text in outline.documents())
        enriched(written, [result(call=call)] if outline.kind == "call" else [result()])
    for rewrite in (masked, stripped):
        with contextlib.suppress(DecodeError):
            Span.FromString(rewrite(written))
