from typing import Any

import pytest
from dialect_content import CONTENT, HIDDEN, MAIL, OTHERS, TEXT, attributes
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from otlp_sink import any_value, key_values, plain
from support.spans import chat_attributes, span

from otel_llm.errors import DecodeError
from otel_llm.masking.content import masked, masked_log, stripped, stripped_log
from otel_llm.masking.content_names import names_like

UNKNOWN = b"\xfa\x3e\x03new"  # field 1007, which no schema has


@pytest.mark.parametrize("name", CONTENT)
def test_content_of_every_dialect_is_masked_and_stripped(name: str) -> None:
    data = span({"user.id": MAIL, name: TEXT}).SerializeToString()
    assert attributes(masked(data)) == {"user.id": MAIL, name: HIDDEN}
    assert attributes(stripped(data)) == {"user.id": MAIL}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_content_stays(name: str) -> None:
    data = span({name: TEXT}).SerializeToString() + UNKNOWN
    assert masked(data) == stripped(data) == data


def test_all_of_a_span_but_its_content_stays() -> None:
    original = span(chat_attributes(TEXT), name=MAIL, trace_state="a=b", dropped_links_count=2)
    original.links.add(trace_id=b"1" * 16, span_id=b"1" * 8)
    new = Span.FromString(masked(original.SerializeToString() + UNKNOWN))
    expected = span(chat_attributes(HIDDEN), name=MAIL, trace_state="a=b", dropped_links_count=2)
    expected.links.add(trace_id=b"1" * 16, span_id=b"1" * 8)
    assert new == Span.FromString(expected.SerializeToString() + UNKNOWN)


def test_content_without_findings_stays_to_the_byte() -> None:
    odd = '{ "b":1.50,  "a":"caf\\u00e9", "a": 12345678901234567890, "c": [true, null, -1e3] }'
    data = span({"gen_ai.input.messages": odd, "input.value": "What is a llama?"}).SerializeToString()
    assert masked(data) == data


def test_events_of_a_span_are_masked_and_stripped_too() -> None:
    events = [
        Span.Event(
            name="gen_ai.content.prompt",
            attributes=key_values({"gen_ai.prompt": TEXT, "index": 1, "content": TEXT}),
        ),
        Span.Event(name="exception", attributes=key_values({"exception.message": "timeout"})),
    ]
    data = span({}, events=events).SerializeToString()
    assert [plain(event.attributes) for event in Span.FromString(masked(data)).events] == [
        {"gen_ai.prompt": HIDDEN, "index": 1, "content": HIDDEN},
        {"exception.message": "timeout"},
    ]
    assert [(event.name, plain(event.attributes)) for event in Span.FromString(stripped(data)).events] == [
        ("gen_ai.content.prompt", {"index": 1}),
        ("exception", {"exception.message": "timeout"}),
    ]


@pytest.mark.parametrize(
    ("name", "content", "others"),
    [
        ("gen_ai.user.message", "content", {"role": "user"}),
        ("gen_ai.tool.message", "content", {"role": "tool", "id": "call_1"}),
        ("gen_ai.choice", "message", {"finish_reason": "stop"}),
        ("gen_ai.choice", "tool.result", {"finish_reason": "stop"}),
        ("gen_ai.choice", "gen_ai.event.content", {"gen_ai.system": "az.ai.inference"}),
        ("gen_ai.client.inference.operation.details", "gen_ai.input.messages", {"gen_ai.operation.name": "chat"}),
        ("memory.query", "content", {}),
        ("memory.results", "content", {}),
    ],
)
def test_span_events_with_messages_are_masked(name: str, content: str, others: dict[str, str]) -> None:
    event = Span.Event(name=name, attributes=key_values({content: f'[{{"text": "{TEXT}"}}]', **others}))
    data = span({}, events=[event]).SerializeToString()
    [after] = Span.FromString(masked(data)).events
    assert plain(after.attributes) == {content: f'[{{"text": "{HIDDEN}"}}]', **others}
    [after] = Span.FromString(stripped(data)).events
    assert plain(after.attributes) == others


@pytest.mark.parametrize(
    "value",
    [b"bytes", ["fine", b"bytes"], {"a": {"b": b"bytes"}}, "[" * 100_000, ["[" * 100_000], {"[" * 100_000: 1}],
)
def test_content_that_cannot_be_read_is_stripped(value: Any) -> None:
    data = masked(span({"input.value": value, "user.id": "1"}).SerializeToString())
    assert attributes(data) == {"user.id": "1"}


@pytest.mark.parametrize("rewrite", [masked, stripped, masked_log, stripped_log])
def test_bytes_that_are_no_item_are_refused(rewrite: Any) -> None:
    with pytest.raises(DecodeError, match=r"^bytes must be a (Span|LogRecord), got others: "):
        rewrite(b"\xff\xff")


def test_attributes_of_ones_own_are_content_where_they_are_named() -> None:
    also = names_like(["my_app.prompt.*", "note"])
    data = span(
        {"my_app.prompt.0": TEXT, "my_app.Prompt.0": MAIL, "note": MAIL, "notes": MAIL}
    ).SerializeToString()
    assert attributes(masked(data, also)) == {
        "my_app.prompt.0": HIDDEN, "my_app.Prompt.0": MAIL, "note": "[EMAIL_ADDRESS]", "notes": MAIL
    }  # fmt: skip
    assert attributes(stripped(data, also)) == {"my_app.Prompt.0": MAIL, "notes": MAIL}
    record = LogRecord(attributes=key_values({"note": MAIL, "k": MAIL})).SerializeToString()
    assert plain(LogRecord.FromString(stripped_log(record, also)).attributes) == {"k": MAIL}
    assert not names_like([])("")


def test_links_and_values_of_a_newer_kind_are_looked_at_too() -> None:
    original = span({"user.id": "1"})
    original.links.add(
        trace_id=b"1" * 16, span_id=b"1" * 8, attributes=key_values({"input.value": TEXT, "k": MAIL})
    )
    original.attributes.add(key="gen_ai.prompt").value.MergeFromString(b"\x7a\x03new")  # field 15, which none has
    new = Span.FromString(masked(original.SerializeToString()))
    assert plain(new.links[0].attributes) == {"input.value": HIDDEN, "k": MAIL}
    assert plain(new.attributes) == {"user.id": "1"}
    assert plain(Span.FromString(stripped(original.SerializeToString())).links[0].attributes) == {"k": MAIL}


@pytest.mark.parametrize(
    "names", [{"event_name": "gen_ai.user.message"}, {"attributes": key_values({"event.name": "gen_ai.choice"})}]
)
def test_bodies_of_log_records_with_content_are_masked_and_stripped(names: dict[str, Any]) -> None:
    record = LogRecord(body=any_value({"role": "user", "content": TEXT}), span_id=b"1" * 8, **names)
    record.attributes.extend(key_values({"gen_ai.input.messages": TEXT, "index": 1}))
    data = record.SerializeToString()
    new = LogRecord.FromString(masked_log(data))
    assert plain(new.body.kvlist_value.values) == {"role": "user", "content": HIDDEN}
    assert plain(new.attributes)["gen_ai.input.messages"] == HIDDEN
    bare = LogRecord.FromString(stripped_log(data))
    assert not bare.HasField("body")
    assert set(plain(bare.attributes)) == {"index", *plain(names.get("attributes", []))}
    assert bare.span_id == b"1" * 8


def test_a_body_that_cannot_be_read_is_stripped() -> None:
    record = LogRecord(event_name="gen_ai.choice", body=any_value({"content": b"bytes"}))
    assert not LogRecord.FromString(masked_log(record.SerializeToString())).HasField("body")


def test_log_records_of_others_stay() -> None:
    data = LogRecord(event_name="app.log", body=any_value(TEXT), attributes=key_values({"to": MAIL}))
    assert (
        masked_log(data.SerializeToString()) == stripped_log(data.SerializeToString()) == data.SerializeToString()
    )
