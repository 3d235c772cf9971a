"""The forms of personal data: rules for each type, with the words that make a value surer or less sure."""

from __future__ import annotations

import re
from typing import Final

from otel_llm.evaluate.api import Rule, any_of, find_emails, find_phones, listed
from otel_llm_evaluators.pii import shared
from otel_llm_evaluators.pii.addresses import ADDRESS_RULES
from otel_llm_evaluators.pii.issued_numbers import digits_of
from otel_llm_evaluators.pii.named import NAMED_MARK, find_named
from otel_llm_evaluators.pii.numbers import CARD_WORDS, NUMBER_RULES

_DATED: Final = r"(?:19|20)\d\d"
_MONTHS: Final = any_of(
    "Jan(?:uary)? Feb(?:ruary)? Mar(?:ch)? Apr(?:il)? May June? July? Aug(?:ust)? Sep(?:t(?:ember)?)? Oct(?:ober)?"
    " Nov(?:ember)? Dec(?:ember)?"
)

_CAPITAL: Final = r"\p{Lu}[\p{L}'\x{2019}-]+"
_PARTICLE: Final = "(?:van|von|de|der|den|la|le|bin|al)"
_NOBODY: Final = listed("your name user assistant chatgpt claude gemini copilot siri alexa bard first last none")
_PHONE: Final = listed(
    "phone telephone tel mobile cell cellphone call called calling fax whatsapp sms text texted"
    " registered desk office landline contact dial reach answering handy"
)
_OTHER: Final = re.compile(r"\d{3}-\d{2}-\d{4}|(?:19|20)\d\d-[01]\d-[0-3]\d")  # SSNs, dates
_FREE: Final = listed("800 833 844 855 866 877 888")
_IP: Final = frozenset({"ip", "ipv", "address", "client", "host", "addr", "remote"})


def _stated(value: str) -> float:
    return 0.3 if _NOBODY & set(value.lower().split()[:1]) else 0.85


def _phone(value: str) -> float:
    """Return the confidence: 0 for North American numbers that are free of charge, or reserved for fiction."""
    digits = digits_of(value)[-10:]
    return 0.0 if len(digits) == 10 and (digits[:3] in _FREE or digits[3:6] == "555") else 0.7


def _phone_like(value: str) -> float:
    digits = digits_of(value)
    possible = 7 <= len(digits) <= 15 and len(set(digits)) > 2 and not _OTHER.fullmatch(value)
    return 0.2 if possible and _phone(value) else 0.0


RULES: Final = (
    *NUMBER_RULES,
    Rule(type="EMAIL_ADDRESS", mark="@", pattern=find_emails, confidence=shared.email),
    Rule(
        type="PHONE_NUMBER",
        mark=r"\d(?:[ ().\-/]{0,3}\d){6}",
        pattern=find_phones,
        confidence=_phone,
        context=_PHONE,
        against=shared.NUMBERED,
        less_sure=shared.is_of_group,
    ),
    Rule(
        type="PHONE_NUMBER",  # local numbers: only with a word for a telephone near
        mark=r"\d[) .-]{1,3}\d{2}",
        pattern=r"\(?\d{2,5}\)?(?:[ .-]{1,2}\d{2,8}){1,5}(?:x\d{1,5})?",
        confidence=_phone_like,
        context=_PHONE,
        against=shared.NUMBERED | CARD_WORDS,
        less_sure=shared.is_of_group,
    ),
    Rule(
        type="IP_ADDRESS",
        mark=r"\d\.\d",
        pattern=r"(?:^|[^\w.-])(\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})",
        confidence=shared.ip,
        context=_IP,
        against=shared.VERSIONED,
        less_sure=shared.is_network,
    ),
    Rule(
        type="IP_ADDRESS",
        mark=r"[0-9A-Fa-f]:{1,2}[0-9A-Fa-f]{1,4}:",
        pattern=r"[0-9A-Fa-f]{1,4}(?::{1,2}[0-9A-Fa-f]{1,4}){2,7}",
        confidence=shared.ip,
        context=_IP,
        against=shared.VERSIONED,
    ),
    Rule(
        type="MAC_ADDRESS",
        mark=r"[0-9A-Fa-f]{2}[:-][0-9A-Fa-f]{2}",
        pattern=r"[0-9A-Fa-f]{2}(?:(?::[0-9A-Fa-f]{2}){5}|(?:-[0-9A-Fa-f]{2}){5})",
        confidence=0.6,
        context=frozenset({"mac", "ethernet", "bluetooth", "device"}),
    ),
    Rule(type="URL", mark="://", pattern=r"https?://[^\s<>\"'`)\]}|]*[^\s<>\"'`)\]}|.,;:!?]", confidence=0.9),
    Rule(
        type="URL",
        mark=r"www\.",
        pattern=r"www\.[\w-]+(?:\.[\w-]+)+(?:/[^\s<>\"')]*[^\s<>\"').,;:!?])?",
        confidence=0.8,
    ),
    Rule(
        type="DATE_TIME",
        mark=r"\d[-/.]\d",
        pattern=rf"{_DATED}-[01]?\d-[0-3]?\d(?:[T ][0-2]\d:[0-5]\d(?::[0-5]\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"
        rf"|[0-3]?\d[-/.][0-3]?\d[-/.](?:{_DATED}|\d\d)|{_DATED}/[01]?\d/[0-3]?\d",
        confidence=0.7,
        context=frozenset({"born", "birth", "birthday", "dob", "date", "on"}),
        against=shared.NUMBERED,
    ),
    Rule(
        type="DATE_TIME",
        mark=_MONTHS,
        pattern=rf"(?:\d{{1,2}}(?:st|nd|rd|th)?(?: of)? {_MONTHS}\.?(?:,? {_DATED})?"
        rf"|{_MONTHS}\.? \d{{1,2}}(?:st|nd|rd|th)?(?:,? {_DATED})?|{_MONTHS},? {_DATED})",
        confidence=0.8,
    ),
    Rule(
        type="DATE_TIME",
        mark=_DATED,
        pattern=rf"(?i)(?:in|since|during|of|by|from|until|before|after|around) ({_DATED})",
        confidence=0.6,
    ),
    Rule(
        type="DATE_TIME",
        mark=r"(?i)day",
        pattern=r"(?i)(?:mon|tues|wednes|thurs|fri|satur|sun)day",
        confidence=0.6,
    ),
    Rule(
        type="AGE",
        mark=r"(?i)\d[ -]?y",
        pattern=r"(?i)(\d{1,3})(?:[ -](?:years?|yrs?)[ -]old| ?y/?o\b)",
        confidence=0.85,
    ),
    Rule(
        type="AGE",
        mark=r"(?i)[a-z]:? \d",
        pattern=r"(?i)\b(?:aged?:?|age of|turn(?:ed|ing|s)?|when (?:he|she|I|they) (?:was|were)|i'm|i am)"
        r" (\d{1,3})",
        confidence=0.6,
    ),
    *ADDRESS_RULES,
    Rule(
        type="PERSON",  # a person who says the own name; others are found by lists
        mark=r"(?i)name|call me|patient",
        pattern=r"(?im:\b(?:my|his|her|full|first|last|maiden) name(?:'s| is)|\bcall me|\bpatient:?)"
        rf"[ :]{{1,3}}({_CAPITAL}(?: (?:{_CAPITAL}|\p{{Lu}}\.?|{_PARTICLE})){{0,3}})",
        confidence=_stated,
    ),
    Rule(type="PERSON", mark=NAMED_MARK, pattern=find_named, confidence=0.85),
    Rule(
        type="TITLE",
        mark=r"M|D|P|S",
        pattern=r"\b(Mr\.?|Mrs\.?|Ms\.?|Miss|Mx\.?|Dr\.?|Prof\.?|Professor|Sir|Madam|Dame|Rev\.?) \p{Lu}",
        confidence=0.7,
    ),
)
"""Rules in any order: of overlapping findings the surest is kept."""
