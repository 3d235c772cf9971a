"""Secrets beside their label: found, redacted and masked alike, wherever they stand."""

import json
import time

import pytest
from labelled import KEY, NOT_STATED, PASSWORD, STATED

from otel_llm.evaluate.kinds.loading import load_evaluators
from otel_llm.instrument.content.redact import redaction
from otel_llm.masking.texts import masker
from otel_llm.text.labelled_secrets import find_labelled_secrets
from otel_llm.text.readings import find_in_readings

(SECRETS,) = load_evaluators(["secrets"])
redact = redaction(["key"])
VALUES = (
    PASSWORD, KEY, "tpuf_hmNx7QzKP3yL8R2v", "550e8400-e29b-41d4-a716-446655440000", "4821", "482913",
    "kJhGfDsAqWeRtYuIoPzX",
)  # fmt: skip


def is_found(text):
    return any(SECRETS.manifest.is_fail(finding.confidence) for finding in SECRETS.find(text))


@pytest.mark.parametrize("text", STATED)
def test_a_secret_beside_its_label_is_found_redacted_and_masked(text):
    (value,) = (value for value in VALUES if value in text)

    assert is_found(text)
    for hidden in (redact(text), masker().mask(text)):
        assert value not in hidden
        assert not any(value[start : start + 5] in hidden for start in range(len(value) - 5))


@pytest.mark.parametrize("text", STATED)
def test_the_same_in_a_field_of_json_and_in_json_that_was_cut(text):
    written = json.dumps({"role": "assistant", "content": f"Hello.\n{text}"})
    (value,) = (value for value in VALUES if value in text)

    assert is_found(written)
    assert value not in masker().mask(written)
    assert value not in masker().mask(written[:-2])
    json.loads(masker().mask(written))


@pytest.mark.parametrize("text", NOT_STATED)
def test_what_only_looks_like_a_stated_secret_is_none(text):
    assert not is_found(text)
    assert redact(text) == text
    assert masker().mask(text) == text


def test_the_place_is_that_of_the_value_alone():
    for text in (f"**Password:** `{PASSWORD}`.", f"| Password | {PASSWORD} |", f"<password>{PASSWORD}</password>"):
        assert {text[start:end] for start, end in find_in_readings(find_labelled_secrets, text)} == {PASSWORD}
    assert redact(f"The password is {PASSWORD}, the PIN is 4821.") == "The password is [key], the PIN is [key]."


def test_a_letter_whose_lower_case_is_longer_moves_no_place():
    text = f"İİİ password: {PASSWORD}"
    assert redact(text) == "İİİ password: [key]"


UNITS = [
    "password: ", "password for a b c d e f g h i j ", 'password: "', "| Password ", "<password ", "<password>",
    "api key ", "password:\n```\n", "password: a / ", "password: *****", "token", "key", "|---|\n", "pass",
    "| Password |\n|---|\n", "the password is ", 'password: "a\'', "password (", "password </b> ",
]  # fmt: skip


@pytest.mark.parametrize("unit", UNITS)
def test_labels_without_end_take_time_in_proportion_to_their_length(unit):
    def seconds(length):
        text = unit * (length // len(unit))
        best = float("inf")
        for _ in range(3):
            started = time.thread_time()
            list(find_labelled_secrets(text))
            best = min(best, time.thread_time() - started)
        return best

    assert seconds(80_000) < 25 * seconds(10_000) + 0.02
