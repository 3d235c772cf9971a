import json
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from otlp_sink import any_value, key_values, plain
from support.spans import chat_attributes, message, span

from otel_llm.errors import DecodeError
from otel_llm.evaluate.kinds.loading import load_evaluators
from otel_llm.masking.content import masked, masked_log, stripped, stripped_log
from otel_llm.masking.content_names import is_content, names_like

MAIL, CARD, KEY = "jane.roe@acme.io", "4111 1111 1111 1111", "AKIAQYLPMN5HFIQR7XYA"
TEXT = f"I am at {MAIL}, card {CARD}, key {KEY}."
HIDDEN = "I am at [EMAIL_ADDRESS], card [CREDIT_CARD], key [AWS_ACCESS_KEY]."
UNKNOWN = b"\xfa\x3e\x03new"  # field 1007, which no schema has

CONTENT = [
    "gen_ai.input.messages",
    "gen_ai.output.messages",
    "gen_ai.system_instructions",
    "gen_ai.tool.definitions",
    "gen_ai.tool.call.arguments",
    "gen_ai.tool.call.result",
    "gen_ai.retrieval.documents",
    "gen_ai.evaluation.explanation",
    "otel_llm.documents",
    "gen_ai.input.messages.0.content",
    "gen_ai.system_instructions.0.content",
    "gen_ai.tool.call.arguments.query",
    "otel_llm.documents.0",
    "llm.openai.messages.0.content",
    "ai.toolCall.args.q",
    "tool.parameters.q",
    "gen_ai.prompt",
    "gen_ai.completion",
    "gen_ai.prompt.0.content",
    "gen_ai.prompt.12.tool_calls.0.arguments",
    "gen_ai.completion.0.content",
    "gen_ai.completion.0.reasoning",
    "llm.request.functions.0.description",
    "traceloop.entity.input",
    "traceloop.entity.output",
    "llm.openai.messages",
    "llm.input_messages.0.message.content",
    "llm.input_messages.1.message.contents.0.message_content.text",
    "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments",
    "llm.prompts.0.prompt.text",
    "llm.completions",
    "llm.completions.0.content",
    "pydantic_ai.all_messages",
    "tool_arguments",
    "langfuse.observation.input",
    "mlflow.spanOutputs",
    "llm.prompt_template.variables",
    "input.value",
    "output.value",
    "retrieval.documents.0.document.content",
    "retrieval.documents.0.document.metadata",
    "embedding.embeddings.0.embedding.text",
    "tool.parameters",
    "ai.prompt",
    "ai.prompt.messages",
    "ai.prompt.tools",
    "ai.response.text",
    "ai.response.object",
    "ai.response.toolCalls",
    "ai.toolCall.args",
    "ai.toolCall.result",
]
OTHERS = [
    "gen_ai.operation.name",
    "gen_ai.request.model",
    "gen_ai.response.id",
    "gen_ai.prompt.name",
    "gen_ai.prompt.version",
    "gen_ai.prompt.0.role",
    "gen_ai.completion.0.finish_reason",
    "gen_ai.completion.0.tool_calls.0.name",
    "gen_ai.prompt.2.tool_call_id",
    "llm.request.functions.0.name",
    "llm.output_messages.0.message.tool_calls.0.tool_call.function.name",
    "gen_ai.input.messages_ref",
    "gen_ai.usage.input_tokens",
    "gen_ai.evaluation.score.label",
    "otel_llm.evaluation.pii.input.label",
    "traceloop.entity.name",
    "traceloop.workflow.name",
    "llm.model_name",
    "llm.token_count.prompt",
    "llm.input_messages.0.message.role",
    "llm.input_messages.0.message.tool_call_id",
    "retrieval.documents.0.document.id",
    "retrieval.documents.0.document.score",
    "input.mime_type",
    "output.mime_type",
    "openinference.span.kind",
    "ai.model.id",
    "ai.operationId",
    "ai.toolCall.name",
    "ai.response.finishReason",
    "ai.response.model",
    "ai.usage.promptTokens",
    "user.id",
    "url.full",
]


def attributes(data: bytes) -> dict[str, Any]:
    return plain(Span.FromString(data).attributes)


def mask_one(value: Any, name: str = "gen_ai.input.messages") -> Any:
    data = masked(span({name: value}).SerializeToString())
    return attributes(data).get(name)


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


def test_json_stays_json_whatever_in_it_is_masked() -> None:
    arguments = {MAIL: 1, "card": 4111111111111111, "nested": json.dumps({"to": MAIL}), "n": 1.5}
    part = {"type": "tool_call", "id": "call_1", "name": "send", "arguments": arguments}
    messages = [message("user", f"é\n{TEXT}"), {"role": "assistant", "parts": [part]}]
    hidden = {
        "[EMAIL_ADDRESS]": 1,
        "card": "[CREDIT_CARD]",
        "nested": json.dumps({"to": "[EMAIL_ADDRESS]"}),
        "n": 1.5,
    }
    assert json.loads(mask_one(json.dumps(messages))) == [
        message("user", f"é\n{HIDDEN}"),
        {"role": "assistant", "parts": [{**part, "arguments": hidden}]},
    ]


def test_json_that_hides_characters_behind_escapes_is_read() -> None:
    escaped = "".join(f"\\u{ord(character):04x}" for character in MAIL)
    assert mask_one(f'["to {escaped}"]') == '["to [EMAIL_ADDRESS]"]'
    assert mask_one(f'["\\n{MAIL}\\ud800"]') == '["\\n[EMAIL_ADDRESS]\\ud800"]'


def test_a_key_says_what_its_value_is() -> None:
    secret = {"password": "hunter2Secret!9"}
    assert json.loads(mask_one(json.dumps([secret]))) == [{"password": "[SECRET_ASSIGNMENT]"}]
    assert mask_one([secret]) == [{"password": "[SECRET_ASSIGNMENT]"}]


def test_structured_values_are_masked_all_the_way_down() -> None:
    value = [{"role": "user", "n": 3, MAIL: [TEXT, 4111111111111111, True, None]}, f'"{MAIL}"']
    hidden = {"role": "user", "n": 3, "[EMAIL_ADDRESS]": [HIDDEN, "[CREDIT_CARD]", True, None]}
    assert mask_one(value) == [hidden, '"[EMAIL_ADDRESS]"']
    assert mask_one(4111111111111111) == "[CREDIT_CARD]"


def test_broken_json_is_masked_as_a_text() -> None:
    assert mask_one(f'[{{"role": "user", "content": "{TEXT}') == f'[{{"role": "user", "content": "{HIDDEN}'


PHONE, SSN = "212-456-7890", "078-05-1120"


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("cut", [1, 2, 3, 9])
def test_json_that_was_cut_hides_nothing_behind_its_escapes(depth: int, cut: int) -> None:
    text = f"call\n{PHONE} or\n\n{CARD}\nssn\t{SSN} \u2028{MAIL}\ud83d\ude00\\"
    for _ in range(depth):
        text = json.dumps([{"content": text}])
    found = mask_one(text[:-cut])
    assert found.startswith(text[:10])
    for secret in (PHONE, CARD, SSN, MAIL):
        assert secret not in found
    assert "[PHONE_NUMBER]" in found


def test_an_escaped_value_in_a_text_that_is_no_json_is_found() -> None:
    assert mask_one('[see {"to": "jane.roe\\u0040acme.io"}') == '[see {"to": "[EMAIL_ADDRESS]"}'
    assert mask_one("C:\\new\\table \\u00") == "C:\\new\\table \\u00"


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


def test_a_value_in_the_middle_of_a_very_long_text_is_found() -> None:
    long = "All is well here. " * 20_000
    assert mask_one(f"{long}{MAIL} {long}") == f"{long}[EMAIL_ADDRESS] {long}"


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


FINDERS = load_evaluators(["pii", "secrets"])
PIECES = st.one_of(
    st.sampled_from([
        MAIL, CARD, KEY, "my SSN is 078-05-1120", "078051120", "call +1 415 555 0132", "password: hunter2Secret!9",
        "https://joe:Pa55w0rd!x@db.acme.io", "192.168.7.34", "DE89 3704 0044 0532 0130 00", "12 Baker Street",
        "My name is Jane Roe", "Bearer", "token=", "phone", "account number", '"', "\\", "\n", "{", "]", ",", " ",
    ]),
    st.text(max_size=5),
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=8).map(" ".join)
VALUES = st.recursive(
    TEXTS | st.integers(0, 10**17) | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3) | inner.map(json.dumps),
    max_leaves=8,
)


def found(text: str) -> list[str]:
    """What pii and secrets would fail a call for."""
    return [
        text[finding.start : finding.end]
        for finder in FINDERS
        for finding in finder.find(text)
        if finder.manifest.is_fail(finding.confidence)
    ]


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)
    elif value is not None and not isinstance(value, bool):
        yield str(value)


@settings(max_examples=150, deadline=None)
@given(value=VALUES)
def test_nothing_that_the_detectors_find_remains_in_json(value: Any) -> None:
    new = json.loads(mask_one(json.dumps(value)))
    assert [each for text in strings(new) for each in found(text)] == []


@settings(max_examples=150, deadline=None)
@given(text=TEXTS.filter(bool))
def test_nothing_that_the_detectors_find_remains_in_text(text: str) -> None:
    new = mask_one(text)
    assert found(new) == []
    if not found(text):
        assert new == text


@settings(deadline=None)
@given(names=st.dictionaries(st.sampled_from(CONTENT + OTHERS), TEXTS, max_size=6))
def test_no_other_attribute_changes(names: dict[str, str]) -> None:
    data = span(names).SerializeToString()
    others = {name: value for name, value in names.items() if not is_content(name)}
    assert attributes(stripped(data)) == others
    new = attributes(masked(data))
    assert {name: value for name, value in new.items() if not is_content(name)} == others
    assert list(new) == list(names)


MANY = [
    f"Write to llama{number}@acme.io, and tell the others of all that is new on the farm.\n"
    for number in range(6000)
]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("".join(MANY), id="text"),
        pytest.param(json.dumps([message("user", one) for one in MANY]), id="JSON"),
        pytest.param(json.dumps([message("user", one) for one in MANY])[:-9], id="JSON that was cut"),
    ],
)
def test_masking_a_long_text_takes_no_more_than_ten_times_its_memory(text: str) -> None:
    masked(span(chat_attributes(MAIL)).SerializeToString())  # what is loaded once
    data = span({"gen_ai.input.messages": text}).SerializeToString()
    tracemalloc.start()
    try:
        written = masked(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert written.count(b"[EMAIL_ADDRESS]") == len(MANY)
    assert peak < 10 * len(text)
