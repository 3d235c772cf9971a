"""The forms of personal data: rules for each type, with the words that make a value surer or less sure."""

from __future__ import annotations

import ipaddress
import re
from typing import Final

from otel_llm.evaluate.api import Rule, any_of, find_emails, find_phones, listed
from otel_llm_evaluators.pii.addresses import ADDRESS_RULES
from otel_llm_evaluators.pii.issued_numbers import digits_of
from otel_llm_evaluators.pii.numbers import CARD_WORDS, NUMBER_RULES

# RFC 2606 and RFC 6761: domains that belong to nobody
_NOBODYS: Final = listed("example example.com example.net example.org test invalid localhost domain.com")
# RFC 2142, and other mailboxes that a group reads
_ROLES: Final = listed(
    "abuse admin billing careers contact customerservice enquiries feedback hello help hostmaster hr info"
    " jobs mail marketing media newsletter no-reply noreply office postmaster press privacy sales security"
    " service support team webmaster you your your-email youremail your.email your_email user username name"
    " email"
)
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
_SSN: Final = re.compile(r"\d{3}-\d{2}-\d{4}")
_FREE: Final = listed("800 833 844 855 866 877 888")
_IP: Final = frozenset({"ip", "ipv", "address", "client", "host", "addr", "remote"})
_NUMBERED: Final = frozenset(
    {"version", "release", "isbn", "issn", "order", "invoice", "section", "ticket", "sku", "ref"}
)


def _email(value: str) -> float:
    name, _, domain = value.lower().strip("'").rpartition("@")
    nobodys = any(domain == each or domain.endswith(f".{each}") for each in _NOBODYS)
    return 0.2 if nobodys else 0.4 if name in _ROLES else 0.95


def _ip(value: str) -> float:
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        return 0.0
    # IPv6: only global unicast addresses, RFC 4291, for code often has two words with :: between them
    public = address.is_global and (address.version == 4 or value[0] in "23")
    return 0.6 if public else 0.0


def _stated(value: str) -> float:
    return 0.3 if _NOBODY & set(value.lower().split()[:1]) else 0.85


def _phone(value: str) -> float:
    """Return the confidence: 0 for North American numbers that are free of charge, or reserved for fiction."""
    digits = digits_of(value)[-10:]
    return 0.0 if len(digits) == 10 and (digits[:3] in _FREE or digits[3:6] == "555") else 0.7


def _phone_like(value: str) -> float:
    digits = digits_of(value)
    possible = 7 <= len(digits) <= 15 and len(set(digits)) > 2 and not _SSN.fullmatch(value)
    return 0.2 if possible and _phone(value) else 0.0


RULES: Final = (
    *NUMBER_RULES,
    Rule(type="EMAIL_ADDRESS", mark="@", pattern=find_emails, confidence=_email),
    Rule(
        type="PHONE_NUMBER",
        mark=r"\d(?:[ ().\-/]{0,3}\d){6}",
        pattern=find_phones,
        confidence=_phone,
        context=_PHONE,
        against=_NUMBERED,
    ),
    Rule(
        type="PHONE_NUMBER",  # local numbers: only with a word for a telephone near
        mark=r"\d[) .-]{1,3}\d{2}",
        pattern=r"\(?\d{2,5}\)?(?:[ .-]{1,2}\d{2,8}){1,5}(?:x\d{1,5})?",
        confidence=_phone_like,
        context=_PHONE,
        against=_NUMBERED | CARD_WORDS,
    ),
    Rule(
        type="IP_ADDRESS",
        mark=r"\d\.\d",
        pattern=r"(?:^|[^\w.-])(\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})",
        confidence=_ip,
        context=_IP,
        against=_NUMBERED,
    ),
    Rule(
        type="IP_ADDRESS",
        mark=r"[0-9A-Fa-f]:{1,2}[0-9A-Fa-f]{1,4}:",
        pattern=r"[0-9A-Fa-f]{1,4}(?::{1,2}[0-9A-Fa-f]{1,4}){2,7}",
        confidence=_ip,
        context=_IP,
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
        against=_NUMBERED,
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
        pattern=r"(?im:\b(?:my|his|her|full|first|last|maiden) name(?:'s| is)"
        r"|^[ \t>*|-]{0,6}(?:(?:full|first|last|user) ?)?name ?:"
        rf"|\bcall me|\bpatient:?)[ :]{{1,3}}({_CAPITAL}(?: (?:{_CAPITAL}|\p{{Lu}}\.?|{_PARTICLE})){{0,3}})",
        confidence=_stated,
    ),
    Rule(
        type="TITLE",
        mark=r"M|D|P|S",
        pattern=r"\b(Mr\.?|Mrs\.?|Ms\.?|Miss|Mx\.?|Dr\.?|Prof\.?|Professor|Sir|Madam|Dame|Rev\.?) \p{Lu}",
        confidence=0.7,
    ),
)
"""Rules in any order: of overlapping findings the surest is kept."""
