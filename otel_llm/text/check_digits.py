"""Numbers with check digits: bank cards and IBANs. Needs the standard library alone, for use in the app."""

from __future__ import annotations

import re
from typing import Final

# the first digits, and the number of digits: ISO/IEC 7812 ranges as published by the networks
_CARDS: Final = re.compile(
    r"(?:4\d{15}(?:\d{3})?"  # Visa
    r"|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}"  # Mastercard
    r"|3[47]\d{13}|3(?:0[0-5]|[689]\d)\d{11}"  # American Express, Diners Club
    r"|(?:6011|64[4-9]\d|65\d\d|62\d\d|35[2-8]\d)\d{12,15}|(?:1800|2131)\d{11}"  # Discover, UnionPay, JCB
    r"|(?:50|5[6-8]|6[37])\d{10,17})",  # Maestro
    re.ASCII,
)
_DOUBLED: Final = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)

# SWIFT IBAN registry, release 100
IBAN_LENGTHS: Final = {
    country: length
    for length, countries in {
        15: "NO", 16: "BE", 18: "DK FI FK FO GL NL SD", 19: "MK SI", 20: "AT BA EE KZ LT LU MN XK",
        21: "CH HR LI LV", 22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE GI IL IQ OM SO TL",
        24: "AD CZ ES MD PK RO SA SE SK TN VG", 25: "LY PT ST", 26: "IS TR", 27: "BI DJ FR GR IT MC MR SM",
        28: "AL AZ BY CY DO GT HN HU LB NI PL SV", 29: "BR EG PS QA UA", 30: "JO KW MU YE", 31: "MT SC",
        32: "LC", 33: "RU",
    }.items()
    for country in countries.split()
}  # fmt: skip
"""Lengths of account numbers in characters, by the two letters of the country."""


def luhn(digits: str) -> bool:
    """Return True if the last digit is the check digit of the digits before it: ISO/IEC 7812-1, annex B."""
    even = sum(map(int, digits[-1::-2]))
    return (even + sum(_DOUBLED[int(digit)] for digit in digits[-2::-2])) % 10 == 0


def card(digits: str) -> bool:
    """Return True if a bank card may have this number: a network's range and length, and the check digit."""
    return _CARDS.fullmatch(digits) is not None and len(set(digits)) > 1 and luhn(digits)


def iban(compact: str) -> bool:
    """Return True if an account number, in capitals without spaces, has the right check digits: ISO 13616."""
    return int("".join(str(int(digit, 36)) for digit in compact[4:] + compact[:4])) % 97 == 1
