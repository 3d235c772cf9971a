"""Checks of national numbers and crypto addresses: can a value be what it looks like?"""

from __future__ import annotations

import hashlib
from functools import reduce
from typing import Final

from otel_llm.evaluate.api import luhn

_BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH32: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BECH32_CHECKS: Final = (1, 0x2BC830A3)  # BIP 173, and BIP 350 for addresses from witness version 1
_BECH32_GENERATORS: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_ITIN_GROUPS: Final = frozenset((*range(50, 66), *range(70, 89), *range(90, 93), *range(94, 100)))
# the multiplication and permutation tables of Verhoeff, Error Detecting Decimal Codes (1969)
_DIHEDRAL: Final = (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
    "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
)  # fmt: skip
_PERMUTED: Final = (
    "0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901", "2793806415", "7046913258",
)  # fmt: skip


def digits_of(value: str) -> str:
    """Return the digits in the value."""
    return "".join(filter(str.isdigit, value))


def ssn(digits: str) -> bool:
    """Return whether the Social Security Administration may have issued the number.

    Source: https://www.ssa.gov/employer/randomization.html, "Previously unassigned area numbers".
    """
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    return area not in {"000", "666"} and area[0] != "9" and group != "00" and serial != "0000"


def itin(digits: str) -> bool:
    """Return whether the digits may be an Individual Taxpayer Identification Number.

    Source: https://www.irs.gov/irm/part3/irm_03-021-263r, 3.21.263.8.1.
    """
    return digits[0] == "9" and int(digits[3:5]) in _ITIN_GROUPS


def aba(digits: str) -> bool:
    """Return whether the digits may be an ABA routing number: a Federal Reserve prefix, weights 3, 7, 1 mod 10.

    Source: https://www.aba.com/about-us/routing-number.
    """
    prefix = int(digits[:2])
    reserve = prefix <= 12 or 21 <= prefix <= 32 or 61 <= prefix <= 72 or prefix == 80
    weighted = sum(int(digit) * weight for digit, weight in zip(digits, (3, 7, 1) * 3, strict=True))
    return reserve and weighted % 10 == 0 and len(set(digits)) > 1


def npi(digits: str) -> bool:
    """Return whether the digits may be a National Provider Identifier: Luhn, with the prefix 80840.

    Source: https://www.cms.gov/Regulations-and-Guidance/Administrative-Simplification/NationalProvIdentStand.
    """
    return digits[0] in "12" and luhn(f"80840{digits}")


def nhs(digits: str) -> bool:
    """Return whether the digits may be an NHS number: weights 10 to 2, mod 11.

    Source: https://www.datadictionary.nhs.uk/attributes/nhs_number.html.
    """
    check = 11 - sum(int(digit) * weight for digit, weight in zip(digits[:9], range(10, 1, -1), strict=True)) % 11
    return check % 11 == int(digits[9]) and len(set(digits)) > 1


def verhoeff(digits: str) -> bool:
    """Return whether the last digit is the Verhoeff check of those before, as in an Aadhaar number."""
    check = 0
    for position, digit in enumerate(reversed(digits)):
        check = int(_DIHEDRAL[check][int(_PERMUTED[position % 8][int(digit)])])
    return check == 0


def dea(value: str) -> bool:
    """Return whether the value may be a registration number of the US Drug Enforcement Administration."""
    digits = [int(digit) for digit in value[2:]]
    return (sum(digits[0:6:2]) + 2 * sum(digits[1:6:2])) % 10 == digits[6]


def vat(value: str) -> bool:
    """Return whether the check of a German, French, Italian or Belgian VAT number is right.

    Source: the algorithms that member states publish, as python-stdnum collects them.
    """
    country, digits = value[:2], value[2:]
    if country == "DE":
        product = reduce(lambda product, digit: 2 * ((product + int(digit)) % 10 or 10) % 11, digits[:8], 10)
        return (11 - product) % 10 == int(digits[8])
    if country == "FR":
        return luhn(digits[2:]) and int(digits[2:] + "12") % 97 == int(digits[:2])
    return luhn(digits) if country == "IT" else 97 - int(digits[:8]) % 97 == int(digits[8:])


def base58check(address: str) -> bool:
    """Return whether a Bitcoin address of the older kinds has the first 4 bytes of its double SHA-256 at its end.

    Source: https://en.bitcoin.it/wiki/Base58Check_encoding.
    """
    number = reduce(lambda number, character: number * 58 + _BASE58.index(character), address, 0)
    if number >= 1 << 200:
        return False
    payload, check = number.to_bytes(25)[:21], number.to_bytes(25)[21:]
    return hashlib.sha256(hashlib.sha256(payload).digest()).digest()[:4] == check


def bech32(address: str) -> bool:
    """Return whether the check of a segregated witness address is right.

    Source: https://github.com/bitcoin/bips/blob/master/bip-0173.mediawiki and bip-0350.mediawiki.
    """
    prefix, _, data = address.lower().rpartition("1")
    values = [ord(character) >> 5 for character in prefix] + [0] + [ord(character) & 31 for character in prefix]
    return reduce(_polymod, (*values, *map(_BECH32.index, data)), 1) in _BECH32_CHECKS


def _polymod(check: int, value: int) -> int:
    top = check >> 25
    check = (check & 0x1FFFFFF) << 5 ^ value
    return reduce(lambda check, bit: check ^ (_BECH32_GENERATORS[bit] if top >> bit & 1 else 0), range(5), check)
