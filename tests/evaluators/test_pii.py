import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.calls import call_with

from otel_llm.errors import ModelError
from otel_llm.evaluate.finding.findings import Finding, explain, without_overlaps
from otel_llm.evaluate.kinds.loading import load_evaluator, load_evaluators
from otel_llm_evaluators.pii import issued_numbers
from otel_llm_evaluators.pii.evaluator import TYPES, Pii

(PII,) = load_evaluators(["pii"])
EVERYTHING = Pii(PII.manifest.model_copy(update={"options": {"types": TYPES, "names": "names.json.gz"}}))
CASES = [
    json.loads(line)
    for line in (PII.manifest.folder / "cases.jsonl").read_text(encoding="utf-8").strip().split("\n")
]


def found(text, finder=EVERYTHING):
    return [
        (finding.type, text[finding.start : finding.end])
        for finding in without_overlaps(finder.find(text))
        if finding.confidence >= finder.manifest.threshold
    ]


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("Write to anna.weber@gmail.com.", "EMAIL_ADDRESS", "anna.weber@gmail.com"),
        ("Visa 4111-1111-1111-1111 it is", "CREDIT_CARD", "4111-1111-1111-1111"),
        ("My card 4111111111111112 is lost", "CREDIT_CARD", "4111111111111112"),
        ("IBAN DE89 3704 0044 0532 0130 00.", "IBAN_CODE", "DE89 3704 0044 0532 0130 00"),
        ("from 81.2.69.142 today", "IP_ADDRESS", "81.2.69.142"),
        ("from 2a02:8388:1::17 today", "IP_ADDRESS", "2a02:8388:1::17"),
        ("SSN: 219-09-9999", "US_SSN", "219-09-9999"),
        ("my social security number 219099999", "US_SSN", "219099999"),
        ("NHS number 943 476 5919", "UK_NHS", "943 476 5919"),
        ("Name: Zoë Müller\n", "PERSON", "Zoë Müller"),
        ("Visit https://example.org/a?b=c.", "URL", "https://example.org/a?b=c"),
        ("She was born on 1990-02-28.", "DATE_TIME", "1990-02-28"),
        ("a 34-year-old man", "AGE", "34"),
        ("at 12 rue de la Paix, 75002 Paris", "STREET_ADDRESS", "12 rue de la Paix, 75002 Paris"),
        ("VAT DE136695976", "EU_VAT", "DE136695976"),
        ("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "CRYPTO", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"),
        ("She flew to Lisbon with Maria Rossi.", "GPE", "Lisbon"),
        ("She flew to Lisbon with Maria Rossi.", "PERSON", "Maria Rossi"),
        ("Jan works for Acme Holdings now", "ORGANIZATION", "Acme Holdings"),
        ("the Norwegian government", "NRP", "Norwegian"),
    ],
)
def test_a_value_is_found_with_its_type_and_its_ends(text, kind, value):
    assert (kind, value) in found(text)
    assert (kind, value) in found(f"Grüße 🎉 {text}")  # bytes are not characters


def test_a_word_nearby_makes_a_number_surer_and_another_less_sure():
    def confidence(text):
        return max((each.confidence for each in EVERYTHING.find(text) if each.type == "PHONE_NUMBER"), default=0)

    assert confidence("phone 020 7946 0958") > confidence("so 020 7946 0958") > confidence("order 020 7946 0958")


@pytest.mark.parametrize(
    "text",
    ["4111 1111 1111 1112", "DE88 3704 0044 0532 0130 00", "000-12-3456", "666-12-3456", "127.0.0.1", "1.2.3.256",
     "user@example.com", "a::b", "1-800-222-1222", "(212) 555-0123", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5"],
)  # fmt: skip
def test_what_fails_its_check_or_is_nobodys_is_not_found(text):
    assert found(f"It says {text} there.", PII) == []


def test_types_that_were_not_asked_for_are_not_found():
    only = Pii(PII.manifest.model_copy(update={"options": {"types": ["IBAN_CODE"]}}))
    assert found("IBAN DE89370400440532013000, mail anna.weber@gmail.com", only) == [
        ("IBAN_CODE", "DE89370400440532013000")
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "options.types"),
        ({"types": ["SHOE_SIZE"]}, "SHOE_SIZE"),
        ({"types": ["GPE"]}, "set options.names"),
        ({"types": ["GPE"], "names": "other.gz"}, "must list other.gz"),
        ({"types": ["PERSON"], "loud": True}, "options.loud"),
        ({"types": ["PERSON"], "max_characters": 10}, "options.max_characters: .* equal to 1000, got 10"),
    ],
)
def test_wrong_options_are_refused_by_name(options, message):
    with pytest.raises(ModelError, match=message):
        load_evaluator(PII.manifest.model_copy(update={"options": options}))


def test_lists_of_names_that_cannot_be_read_are_refused(tmp_path: Path):
    (tmp_path / "names.json.gz").write_bytes(b"no lists")
    folder = {"folder": tmp_path, "options": {"types": ["GPE"], "names": "names.json.gz"}}
    with pytest.raises(ModelError, match="lists of names"):
        Pii(PII.manifest.model_copy(update=folder))


def test_the_surest_of_overlapping_findings_is_kept():
    findings = [
        Finding("A", 0, 10, 0.6),
        Finding("B", 5, 8, 0.9),
        Finding("C", 8, 20, 0.6),
        Finding("D", 30, 31, 0.1),
    ]
    assert [finding.type for finding in without_overlaps(findings)] == ["B", "C", "D"]


def test_an_explanation_counts_by_type_and_says_where():
    findings = [
        Finding("EMAIL_ADDRESS", 10, 25, 0.9),
        Finding("US_SSN", 30, 41, 0.9),
        Finding("EMAIL_ADDRESS", 50, 61, 0.9),
    ]
    assert explain(findings) == "EMAIL_ADDRESS: 2 (characters 10-25, 50-61); US_SSN: 1 (characters 30-41)"
    assert explain([Finding("A", n, n + 1, 1.0) for n in range(6)]).endswith("4-5, …)")


BOUNDED = Pii(PII.manifest.model_copy(update={"options": {"types": ["EMAIL_ADDRESS"], "max_characters": 2000}}))
MAIL = "anna.weber@gmail.com"


@pytest.mark.parametrize("before", [0, 500, 980, 990, 998, 49_002, 49_500, 50_000])
def test_of_a_long_text_both_ends_are_read_and_a_value_on_the_border_is_not_cut(before):
    text = f"{'-' * before} {MAIL} {'-' * (50_000 - before)}"
    assert found(text, BOUNDED) == [("EMAIL_ADDRESS", MAIL)]


@pytest.mark.parametrize("before", [999, 1200, 2000, 25_000, 48_500, 49_001])
def test_of_a_long_text_what_lies_between_the_ends_is_not_read(before):
    assert found(f"{'-' * before} {MAIL} {'-' * (50_000 - before)}", BOUNDED) == []


def test_a_text_of_a_few_characters_more_than_are_read_is_found_once():
    for length in range(1990, 2030):
        assert found(f"{'-' * 989} {MAIL} {'-' * (length - 1011)}", BOUNDED) == [("EMAIL_ADDRESS", MAIL)]


def test_a_word_beyond_the_border_counts_for_the_value_before_it():
    only = {"options": {"types": ["US_SSN"], "max_characters": 2000}}
    finder = Pii(PII.manifest.model_copy(update=only))
    number = "\n social security number 219099999 "
    (finding,) = finder.find(f"{'-' * 50_000}{number}{'-' * (1000 - 15)}")
    assert finding.confidence >= PII.manifest.threshold


def test_what_was_not_read_is_no_pass():
    text = f"{'-' * 25_000} {MAIL} {'-' * 25_000}"
    (result,) = (each for each in BOUNDED.evaluate(call_with(answer=text), {}) if each.target == "output")
    assert (result.label, result.score, result.explanation) == ("partial", 0.0, "2,000 of 50,022 characters read")
    (result,) = (each for each in BOUNDED.evaluate(call_with(answer=MAIL + text), {}) if each.target == "output")
    assert result.label == "fail"
    (result,) = (each for each in BOUNDED.evaluate(call_with(answer="-" * 2000), {}) if each.target == "output")
    assert (result.label, result.read) == ("pass", None)


def test_a_text_of_half_a_million_characters_is_read_whole():
    text = "All is well here. " * 13_000
    (result,) = (
        each
        for each in PII.evaluate(call_with(answer=f"{text}{MAIL} {text[:-100]}"), {})
        if each.target == "output"
    )
    assert result.label == "fail"


def test_megabytes_take_no_longer_than_what_is_read_of_them():
    import time

    def seconds(text):
        started = time.process_time()
        results = finder.evaluate(call_with(answer=text), {})
        assert results[1].label == "fail"
        return time.process_time() - started

    finder = Pii(
        PII.manifest.model_copy(update={"options": {"types": ["PHONE_NUMBER"], "max_characters": 100_000}})
    )
    piece = "Call +43 1 588 58 00, 212 736 5001 or 020 7946 0958. "
    most = len(piece) * (100_000 // len(piece))
    assert seconds(piece * (10_000_000 // len(piece))) < 2 * seconds(piece * (most // len(piece))) + 0.2


def test_no_result_contains_a_value():
    explained = 0
    for case in CASES:
        call = call_with(question=case.get("input"), answer=case.get("output"))
        text = case.get("input") or case.get("output", "")
        values = [text[finding.start : finding.end] for finding in PII.find(text)]
        for explanation in filter(None, [result.explanation for result in PII.evaluate(call, {})]):
            assert [value for value in values if value in explanation] == []
            explained += bool(values)
    assert explained > len(CASES) // 4


@given(st.text(max_size=300))
@settings(max_examples=150, deadline=None)
def test_findings_lie_within_any_text_and_never_overlap(text):
    kept = without_overlaps(EVERYTHING.find(text))
    assert all(0 <= each.start < each.end <= len(text) and 0 < each.confidence <= 1 for each in kept)
    assert all(one.end <= other.start for one, other in pairwise(kept))


@given(st.text("0123456789 .-+()@:/abcXYZ€é\n", max_size=200))
@settings(max_examples=150, deadline=None)
def test_texts_that_look_like_numbers_are_taken(text):
    assert all(0 <= each.start < each.end <= len(text) for each in EVERYTHING.find(text))


@pytest.mark.parametrize(
    ("check", "right", "wrong"),
    [
        (issued_numbers.nhs, "9434765919", "9434765918"),
        (issued_numbers.npi, "1234567893", "1234567894"),
        (issued_numbers.aba, "021000021", "021000022"),
        (issued_numbers.verhoeff, "234567890124", "234567890142"),
        (issued_numbers.dea, "AB1234563", "AB1234564"),
        (issued_numbers.vat, "DE136695976", "DE136695977"),
        (issued_numbers.vat, "FR40303265045", "FR41303265045"),
        (issued_numbers.vat, "IT00743110157", "IT00743110158"),
        (issued_numbers.vat, "BE0428759497", "BE0428759498"),
        (issued_numbers.base58check, "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb"),
        (
            issued_numbers.bech32,
            "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
            "bc1p0xlxvlhemja6c4dq0",
        ),
        (issued_numbers.ssn, "219099999", "219009999"),
        (issued_numbers.itin, "912701234", "912691234"),
    ],
)
def test_checks_tell_right_from_wrong(check, right, wrong):
    assert check(right)
    assert not check(wrong)


@given(st.integers(min_value=0, max_value=10**11 - 1), st.integers(min_value=0, max_value=10), st.integers(1, 9))
def test_verhoeff_notices_every_wrong_digit(number, position, change):
    digits = f"{number:011d}"
    right = next(digits + check for check in "0123456789" if issued_numbers.verhoeff(digits + check))
    wrong = right[:position] + str((int(right[position]) + change) % 10) + right[position + 1 :]
    assert not issued_numbers.verhoeff(wrong)
