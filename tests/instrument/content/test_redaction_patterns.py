"""The ready patterns: what they find, what they leave, and hostile texts."""

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_llm.config.instrument_values import REDACTED
from otel_llm.instrument.content.preparation import Preparation
from otel_llm.instrument.content.redact import redaction
from otel_llm.text import keys, pattern_redaction

redact_all = redaction(REDACTED)
KEYS = [
    "sk-proj-abc123def456ghi789jkl012mno345",
    "sk-ant-api03-AbCd1234efgh5678ijkl",
    "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
    "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "github_pat_11ABCDEFG0123456789abc_defghijkl",
    "glpat-1234567890abcdefghij",
    "AKIAIOSFODNN7EXAMPLE",
    "AIzaSyA1234567890abcdefghijklmnopqrstuv",
    "ya29.a0AfH6SMBx1234567890abcdef",
    "xoxb-123456789012-abcdefGHIJKL",
    "xapp-1-A0123456789-1234567890",
    "hf_abcdefghijklmnopqrstuvwx",
    "gsk_abcdefghijklmnopqrstuvwxyz0123",
    "xai-abcdefghijklmnopqrstuvwxyz0123",
    "nvapi-abcdefghijklmnopqrstuvwxyz01",
    "npm_abcdefghijklmnopqrstuvwxyz0123456789",
    "pypi-AgEIcHlwaS5vcmcCJDU1ZmY4ZjE3LTEy",
    "SG.abcdefghijklmnop123456.abcdefghijklmnopqrstuvwxyz",
    "hvs.CAESIJ1234567890abcdefghij",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcDEF-_123",
]
FOUND = {
    "Write to ann.lee+x@mail.example.co.uk.": "Write to [email].",
    "<bob@example.org>, 'eve@xn--bcher-kva.example'": "<[email]>, [email]'",
    "jürgen@müller.example": "[email]",
    "card 4111 1111 1111 1111, 5555-5555-5555-4444": "card [card], [card]",
    "378282246310005": "[card]",
    "1234 5678 4111 1111 1111 1111 99": "1234 5678 [card] 99",
    "4111111111111111 4012888888881881": "[card] [card]",
    "IBAN DE89 3704 0044 0532 0130 00 AND MORE": "IBAN [iban] AND MORE",
    "GB29NWBK60161331926819/AT611904300234573201": "[iban]/[iban]",
    "FR14 2004 1010 0505 0001 3M02 606.": "[iban].",
    "+43 1 58858-0 or +1 (212) 555-0123 ext. 12": "[phone] or [phone]",
    "+442079460958": "[phone]",
    "020 7946 0958, 0171/1234567, (089) 1234567": "[phone], [phone], [phone]",
    "01 23 45 67 89 and 06.12.34.56.78": "[phone] and [phone]",
    "(212) 555-0123 / 212-555-0123 / 1-800-555-0199 / 212.555.0123x9": "[phone] / [phone] / [phone] / [phone]",
    "0049 30 1234567": "[phone]",
    '{"phone": "4158642337", "text": "2024050612"}': '{"phone": "[phone]", "text": "2024050612"}',
    "**Phone:** 4158642337, <tel>4158642337</tel>": "**Phone:** [phone], <tel>[phone]</tel>",
    "customer_phone_number=4158642337 phone_id=4158642337": "customer_phone_number=[phone] phone_id=4158642337",
    "| Mobile | 1200000 |": "| Mobile | 1200000 |",
    "phone: 5551234567, call me at 12345678": "phone: [phone], call me at [phone]",
    "Authorization: Bearer abcdef0123456789abcdef": "Authorization: Bearer [key]",
    "postgres://user:s3cret@db.local/x": "postgres://user:[key]@db.local/x",
    "a -----BEGIN RSA PRIVATE KEY-----\nMIIabc-d\n-----END RSA PRIVATE KEY----- b": "a [key] b",
    "-----BEGIN PRIVATE KEY-----\nMIIabc, cut": "[key]",
}
LEFT = [
    "2024-01-15 10:30:00", "01/02/2024 03/04/2025", "01-02-2024 10:30", "15.01.2024 to 16.01.2024",
    "1699999999999", "4111111111111112", "192.168.100.200", "$1,234,567.89", "1 000 000 000 EUR",
    "order 1234567890123456", "0123456789", "ISBN 978-3-16-148410-0", "3.14159265358979", "12:30:45",
    "logo@2x.png", "lodash@4.17.21", "user@host", "sk-learn-based-classification-model",
    "risk-management-something-very-long1", "task-1234567890abcdefghij", "DE00 3704 0044 0532 0130 00",
    "DE89 3704 0044", "v1.2.3.4567", "call 2024-01-15", "550e8400-e29b-41d4-a716-446655440000", "200 300 4000",
    "0.123 456 789", "Bearer of bad news everywhere", "in 1999-2000, 2001-2002", "0012345678",
    "GPT-4 2023 0613 1106", "https://example.com/a:b@c",
]  # fmt: skip


@pytest.mark.parametrize("key", KEYS)
def test_well_known_keys_are_found(key):
    assert redact_all(f"my key={key}, thanks") == "my key=[key], thanks"


@pytest.mark.parametrize(("text", "redacted"), FOUND.items())
def test_personal_data_are_found_and_nothing_around_them(text, redacted):
    assert redact_all(text) == redacted


@pytest.mark.parametrize("text", LEFT)
def test_what_only_looks_like_personal_data_is_left(text):
    assert redact_all(text) == text


SECRET = "ann@example.com"


def test_numbers_are_redacted_only_where_a_pattern_finds_them():
    prepare = Preparation(redact_all)

    assert prepare.item({"type": "x", "a": 1234567890, "b": True, "c": 5555555555554444, "d": 1.5}) == {
        "type": "x", "a": 1234567890, "b": True, "c": "[card]", "d": 1.5,
    }  # fmt: skip


HOSTILE = [
    "aaaaa", "a.", "a-", "1", "1 ", "1-", "4", "4 ", "0", "01 ", "0 1", "+1", "+1 ", "(0", "(", ")", "@", "a@",
    "a@a.", "a@a", "eyJ", "eyJa.", "sk-", "sk-a", "xox", "DE89", "DE89 ", "DE 89", "-----BEGIN PRIVATE KEY-----",
    "-----BEGIN ", "-", "----", "Bearer ", "Bearer a", "://", "://a:", "call ", "phone 1", "data:",
    "data:a/a;base64,", ";a=", "A" * 70 + "\n", '"', '"AAAA', "[", "{",
]  # fmt: skip


@pytest.mark.parametrize("unit", HOSTILE)
def test_hostile_texts_take_time_in_proportion_to_their_length(unit):
    prepare = Preparation(redact_all)

    def seconds(length):
        text = f"x {unit * (length // len(unit))}!"
        best = float("inf")
        for _ in range(3):
            started = time.thread_time()
            prepare.text(text, bare=True)
            best = min(best, time.thread_time() - started)
        return best

    # eight times the length: quadratic would be 64 times
    assert seconds(40_000) < 25 * seconds(5_000) + 0.02


PIECES = st.lists(
    st.sampled_from(
        [*HOSTILE, *KEYS[:3], SECRET, "4111 1111 1111 1111", "DE89 3704 0044 0532 0130 00", "+43 1 588580", " "]
    )
    | st.text(max_size=5),
    max_size=30,
)


@settings(deadline=None)
@given(PIECES)
def test_any_text_is_redacted_and_then_stays_as_it_is(pieces):
    redacted = redact_all(" ".join(pieces))

    assert SECRET not in redacted
    assert "4111 1111 1111 1111" not in redacted
    assert redact_all(redacted) == redacted


def test_a_mark_is_known_for_each_kind_of_key():
    for key in KEYS:
        assert any(mark in key for mark in (*keys._KEY_MARKS, ".eyJ")), key


def test_json_that_repeats_a_key_is_redacted_as_a_text():
    text = f'{{"to": "{SECRET}", "in": {{"to": 1, "to": 2}}, "to": 1}}'

    assert Preparation(redact_all).text(text) == text.replace(SECRET, "[email]")


def test_whole_numbers_are_redacted_however_json_writes_them():
    prepare = Preparation(redact_all)

    assert prepare.text('{"card": 4111111111111111.0, "n": 0.5}') == '{"card": "[card]", "n": 0.5}'
    assert prepare.text("[4.111111111111111e15, 1e300, 4111111111111112.0]").startswith('["[card]", 1e+300, 411')


def test_what_is_nested_deeply_is_redacted_too():
    value = {"to": f"\n{SECRET}"}
    for _ in range(100):
        value = {"in": value}
    texts = [Preparation(redact_all).text(json.dumps(value)), Preparation(redact_all).text("[" * 5000 + SECRET)]

    assert all(SECRET not in text and "[email]" in text for text in texts)


ALTERNATIVES = [
    "-eyJ", "-eyJaaaaaaaa", "eyJaaaaaaaa.", "-eyJaaaaaaaa.eyJaaaaaaaa", ".eyJ", "-eyJ.eyJ-", "a.eyJaaaaaaaa.a-",
    *(f"{before}{mark}{after}" for mark in keys._KEY_MARKS for before in ("", "-")
      for after in ("", "a1")),
]  # fmt: skip


@pytest.mark.parametrize("unit", ALTERNATIVES)
@pytest.mark.parametrize("end", ["", ".eyJaaaaaaaa.", ".eyJaaaaaaaa!"])
def test_every_kind_of_key_is_looked_for_in_time(unit, end):
    text = unit * (200_000 // len(unit)) + end
    started = time.thread_time()
    pattern_redaction.redact_keys(text)

    # some milliseconds each; what is quadratic takes more than ten seconds
    assert time.thread_time() - started < 2


def test_tokens_are_found_wherever_a_word_begins():
    token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcDEF-_123"

    assert redact_all(f"id-{token} x_{token},{token}") == "id-[key] x_[key],[key]"
    assert redact_all("eyJ-eyJ-eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.") == "[key]"
    assert redact_all(f"heyJhbGciOiJIUzI1NiJ9.{token}") == "heyJhbGciOiJIUzI1NiJ9.[key]"


def test_the_name_of_a_field_says_what_its_value_is():
    prepare = Preparation(redact_all)
    arguments = {"user": "svc", "password": "Xk9#mQ2v7Lp", "pin": 13, "PIN": 4821, "token": "gpt-4o-2024-08-06"}
    hidden = {**arguments, "password": "[key]", "PIN": "[key]"}

    assert prepare.item({"type": "tool_call", "arguments": arguments})["arguments"] == hidden
    assert json.loads(prepare.text(json.dumps({"login": arguments}))) == {"login": hidden}
    assert Preparation(redaction(["email"])).item({"type": "x", "a": arguments})["a"] == arguments


def test_what_stands_beside_or_around_a_value_says_what_it_is():
    arguments = {
        "env": [{"name": "DB_PASSWORD", "value": "Xk9#mQ2v7Lp"}, {"name": "REGION", "value": "Ab12Cd34"}],
        "argv": ["psql", "--password", "Xk9#mQ2v7Lp", "--file", "Report2024b.pdf"],
        "passwords": ["Xk9#mQ2v7Lp"],
        "api_key": {"value": "9f8Qz27LmXp41TbV8sRw", "owner": "Ab12Cd34"},
    }
    hidden = {
        "env": [{"name": "DB_PASSWORD", "value": "[key]"}, {"name": "REGION", "value": "Ab12Cd34"}],
        "argv": ["psql", "--password", "[key]", "--file", "Report2024b.pdf"],
        "passwords": ["[key]"],
        "api_key": {"value": "[key]", "owner": "Ab12Cd34"},
    }

    assert Preparation(redact_all).item({"type": "tool_call", "arguments": arguments})["arguments"] == hidden
