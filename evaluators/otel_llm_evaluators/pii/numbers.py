"""Numbers of people, accounts and cards: by form, check and words near them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from otel_llm.evaluate.api import Rule, card, find_cards, find_ibans
from otel_llm_evaluators.pii import issued_numbers, shared
from otel_llm_evaluators.pii.issued_numbers import digits_of

# NINOs: prefixes that are never issued, https://www.gov.uk/hmrc-internal-manuals/national-insurance-manual/nim39110
_NO_NINO: Final = ("BG", "GB", "KN", "NK", "NT", "TN", "ZZ")
_LONG: Final = r"\d(?:[ -]?\d){11}"
CARD_WORDS: Final = frozenset({"card", "credit", "debit", "visa", "mastercard", "amex", "cc", "pan"})
"""Words near the number of a bank card."""


def _if(check: Callable[[str], bool], confidence: float) -> Callable[[str], float]:
    """Return a function that gives the confidence to values whose digits pass the check, 0 to others."""
    return lambda value: confidence if check(digits_of(value)) else 0.0


def _card_like(value: str) -> float:
    return 0.15 if 13 <= len(digits_of(value)) <= 19 and not card(digits_of(value)) else 0.0


NUMBER_RULES: Final = (
    Rule(type="CREDIT_CARD", mark=_LONG, pattern=find_cards, confidence=0.9, context=CARD_WORDS),
    Rule(
        type="CREDIT_CARD",  # mistyped, or of an unknown network: only with a word for a card near
        mark=_LONG,
        pattern=r"\d(?:[ -]?\d){12,18}",
        confidence=_card_like,
        context=CARD_WORDS,
    ),
    Rule(type="IBAN_CODE", mark=r"[A-Za-z]{2}\d{2}", pattern=find_ibans, confidence=0.95),
    Rule(
        type="US_SSN",
        mark=r"\d{3}-\d{2}-",
        pattern=r"\d{3}-\d{2}-\d{4}",
        confidence=_if(issued_numbers.ssn, 0.75),
        context=frozenset({"ssn", "social", "security"}),
        against=shared.PARTS,
    ),
    Rule(
        type="US_SSN",
        mark=r"\d{3} ?\d{2} ?\d{4}",
        pattern=r"\d{3} ?\d{2} ?\d{4}",
        confidence=_if(issued_numbers.ssn, 0.1),
        context=frozenset({"ssn", "social"}),
    ),
    Rule(
        type="US_ITIN",
        mark=r"9\d{2}[ -]",
        pattern=r"9\d{2}[ -]\d{2}[ -]\d{4}",
        confidence=_if(issued_numbers.itin, 0.6),
        context=frozenset({"itin", "tax", "taxpayer"}),
    ),
    Rule(
        type="US_BANK_ROUTING",
        mark=r"\d{9}",
        pattern=r"\d{9}",
        confidence=_if(issued_numbers.aba, 0.1),
        context=frozenset({"routing", "aba", "rtn", "transit"}),
    ),
    Rule(
        type="US_NPI",
        mark=r"[12]\d{9}",
        pattern=r"[12]\d{9}",
        confidence=_if(issued_numbers.npi, 0.1),
        context=frozenset({"npi", "provider"}),
    ),
    Rule(
        type="US_DRIVER_LICENSE",
        mark=r"(?i)licen",
        pattern=r"(?i)driv(?:er|ing)(?:'?s|\x{2019}s)?[ -]licen[cs]e(?: (?:number|no\.?|num|id))?(?: is|:| ?#)* ?"
        r"([A-Z]{0,3}\d[\dA-Z-]{4,19})",
        confidence=0.85,
    ),
    Rule(
        type="PASSPORT",
        mark=r"(?i)passport",
        pattern=r"(?i)passport(?: (?:number|no\.?|num|id))?(?: is|:| ?#)* ?([A-Z]{0,3}\d{6,9})",
        confidence=0.8,
    ),
    Rule(
        type="BANK_ACCOUNT",
        mark=r"(?i)\bacc(?:oun)?t",
        pattern=r"(?i)\bacc(?:oun)?t\.?(?: (?:number|no\.?|num))(?: is|:| ?#)* ?(\d[\d -]{5,18}\d)",
        confidence=0.7,
    ),
    Rule(
        type="MEDICAL_LICENSE",
        mark=r"[A-Za-z]\d{7}",
        pattern=r"[ABCDEFGHJKLMPRSTUXabcdefghjklmprstux][A-Za-z]\d{7}",
        confidence=lambda value: 0.4 if issued_numbers.dea(value) else 0.0,
        context=frozenset({"dea", "prescriber", "doctor", "medical", "license", "licence"}),
    ),
    Rule(
        type="UK_NHS",
        mark=r"\d{3}[ -]?\d{3}[ -]?\d{4}",
        pattern=r"\d{3}[ -]?\d{3}[ -]?\d{4}",
        confidence=_if(issued_numbers.nhs, 0.15),
        context=frozenset({"nhs", "patient", "health"}),
    ),
    Rule(
        type="UK_NINO",
        mark=r"[A-Z] ?\d{2}",
        pattern=r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]",
        confidence=lambda value: 0.0 if value[:2] in _NO_NINO else 0.65,
        context=frozenset({"nino", "insurance", "national", "ni"}),
    ),
    Rule(
        type="IN_AADHAAR",
        mark=r"\d{4}[ -]?\d{4}[ -]?\d{4}",
        pattern=r"[2-9]\d{3}[ -]?\d{4}[ -]?\d{4}",
        confidence=_if(issued_numbers.verhoeff, 0.25),
        context=frozenset({"aadhaar", "aadhar", "uidai", "uid"}),
    ),
    Rule(
        type="EU_VAT",
        mark=r"(?:DE|FR|IT|BE)\d",
        pattern=r"DE\d{9}|(?:FR|IT)\d{11}|BE[01]\d{9}",
        confidence=lambda value: 0.8 if issued_numbers.vat(value) else 0.0,
    ),
    Rule(
        type="CRYPTO",
        mark=r"[13][1-9A-HJ-NP-Za-km-z]{25}",
        pattern=r"[13][1-9A-HJ-NP-Za-km-z]{25,34}",
        confidence=lambda value: 0.95 if issued_numbers.base58check(value) else 0.0,
    ),
    Rule(
        type="CRYPTO",
        mark=r"bc1",
        pattern=r"bc1[02-9ac-hj-np-z]{11,71}",
        confidence=lambda value: 0.95 if issued_numbers.bech32(value) else 0.0,
    ),
    Rule(
        type="CRYPTO",  # Ethereum: its check needs Keccak, which hashlib lacks
        mark=r"0x[0-9a-fA-F]{40}",
        pattern=r"0x[0-9a-fA-F]{40}",
        confidence=0.6,
    ),
)
