"""Values of attributes as they are masked: JSON, cut JSON, long texts; nothing that is found remains."""

import json
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from dialect_content import CARD, CONTENT, HIDDEN, KEY, MAIL, OTHERS, TEXT, attributes
from hypothesis import given, settings
from hypothesis import strategies as st
from support.spans import chat_attributes, message, span

from otel_llm.evaluate.kinds.loading import load_evaluators
from otel_llm.masking.content import masked, stripped
from otel_llm.masking.content_names import is_content


def mask_one(value: Any, name: str = "gen_ai.input.messages") -> Any:
    data = masked(span({name: value}).SerializeToString())
    return attributes(data).get(name)


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


def test_a_value_in_the_middle_of_a_very_long_text_is_found() -> None:
    long = "All is well here. " * 20_000
    assert mask_one(f"{long}{MAIL} {long}") == f"{long}[EMAIL_ADDRESS] {long}"


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
