"""Quantities in one form: the same number, money, time or rate has the same words, however it is written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

_TO_TWENTY: Final = re.findall(
    r"\S+",
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
    " seventeen"
    " eighteen nineteen twenty",
)
_TENS: Final = ["thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_NUMBERS: Final = {word: value for value, word in enumerate(_TO_TWENTY)} | {
    word: 10 * ten for ten, word in enumerate(_TENS, 3)
}
"""Values of the numbers up to 90 that are one word."""
_SCALES: Final = {"hundred": 100, "thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000}
"""Values of the words that multiply the number before them."""
_MONEY: Final = {"$": "dollars", "usd": "dollars", "€": "euros", "eur": "euros", "£": "pounds", "gbp": "pounds",
                 "¥": "yen", "jpy": "yen", "₹": "rupees", "inr": "rupees"}  # fmt: skip
_SIZES: Final[Mapping[str, tuple[Decimal, str]]] = {  # of a unit: how many of it make the next one
    "second": (Decimal(60), "minute"), "minute": (Decimal(60), "hour"), "hour": (Decimal(24), "day"),
    "day": (Decimal(7), "week"), "month": (Decimal(12), "year"), "decade": (Decimal("0.1"), "year"),
}  # fmt: skip
_FRACTIONS: Final = {"minute": ("second", 60), "hour": ("minute", 60), "day": ("hour", 24), "year": ("month", 12)}
_SHORT: Final = {"sec": "second", "min": "minute", "hr": "hour", "h": "hour", "yr": "year"}

_WORD: Final = "|".join([*_NUMBERS, *_SCALES])
_WORDS: Final = re.compile(rf"\b(?:{_WORD})(?:(?:\s|-|\sand\s)(?:{_WORD}))*\b", re.IGNORECASE)
_GROUPS: Final = re.compile(r"(?<![\d.,:'’])(\d{1,3})((?:[ \u00a0\u202f'’]\d{3})+)(?![\d:])")  # noqa: RUF001
_PRICE: Final = re.compile(r"(?:\b(usd|eur|gbp|jpy|inr)\s?|(?:us)?([$€£¥₹])\s?)(\d[\d.,]*(?<=\d))", re.IGNORECASE)
_COIN: Final = re.compile(r"(?<=\d)\s?(?:([$€£¥₹])|(usd|eur|gbp|jpy|inr)\b)", re.IGNORECASE)
_SCALED: Final = re.compile(r"\b(\d[\d,]{0,30}(?:\.\d{1,9})?)\s?(k|thousand|million|billion)\b", re.IGNORECASE)
_LENGTH: Final = re.compile(
    r"\b(?:(?P<number>\d{1,9}(?:\.\d{1,3})?)[\s-]?|(?P<one>one|an?|one full|an? (?:full|whole|entire))[\s-]"
    r"|(?P<half>half an? )|(?P<quarter>a quarter of an ))"
    r"(?P<unit>seconds?|secs?|minutes?|mins?|hours?|hrs?|h|days?|weeks?|months?|years?|yrs?|decades?)\b(?!-)",
    re.IGNORECASE,
)
_RATES: Final = re.compile(
    r"\b(?:(?:once (?:an?|per|every|each)|every single) (?P<unit>hour|day|night|week|month|year)"
    r"|(?P<adverb>hourly|daily|nightly|weekly|monthly|yearly|annual|annually|per annum))\b",
    re.IGNORECASE,
)
_ADVERBS: Final = {"hourly": "hour", "daily": "day", "nightly": "night", "weekly": "week", "monthly": "month"}
TIME: Final = re.compile(r"\b(\d{1,2})(?:[:.](\d\d))?\s?([ap])\.?m\b(?:\.(?=\s[a-z]))?", re.IGNORECASE)
"""A time of day with am or pm: hour, minute, a or p."""
_TWICE: Final = re.compile(r"\btwice\b", re.IGNORECASE)
_PERCENT: Final = re.compile(r"(?<=\d)\s?%|\bper cent\b", re.IGNORECASE)
_DOZEN: Final = re.compile(r"\b(?:a |one )?dozen\b", re.IGNORECASE)
_WEEKDAYS: Final = re.compile(
    r"\bmon(?:day)?s?\s?(?:to|through|till|until|[\u2013-])\s?fri(?:day)?s?\b", re.IGNORECASE
)
_MAY_HAVE: Final = re.compile(
    rf"[\d$€£¥₹]|\b(?:{_WORD.replace('one|', '')}|one (?:second|minute|hour|day|week|month|year|decade|hundred"
    rf"|thousand|million)"
    r"|twice|half|quarter|full|whole|entire|dozen|decades?|per cent|mon(?:days?)?)\b",
    re.IGNORECASE,
)


def in_one_form(text: str) -> str:
    """Return the text with its quantities in one form.

    Example:
        >>> in_one_form("Twenty-five items at $1 200 each, kept for 24 hours")
        '25 items at 1200 dollars each, kept for 1 day'
    """
    if not _MAY_HAVE.search(text):
        return text
    text = _GROUPS.sub(lambda match: match[1] + re.sub(r"\D", "", match[2]), text)
    text = _SCALED.sub(_scaled, text)
    text = _WORDS.sub(_digits, text)
    text = _PRICE.sub(lambda match: f"{match[3]} {_MONEY[(match[1] or match[2]).lower()]}", text)
    text = _COIN.sub(lambda match: f" {_MONEY[(match[1] or match[2]).lower()]}", text)
    text = TIME.sub(_clock, text)
    text = _PERCENT.sub(" percent", text)
    text = _DOZEN.sub("12", text)
    text = _TWICE.sub("2 times", text)
    text = _WEEKDAYS.sub("weekdays", text)
    return _LENGTH.sub(_length, text)


def rates_in_one_form(text: str) -> str:
    """Return the text with the unit of a rate in its place: "month" for "monthly" and "once a month"."""
    return _RATES.sub(lambda match: match["unit"] or _ADVERBS.get(match["adverb"].lower(), "year"), text)


def _digits(match: re.Match[str]) -> str:
    total = part = 0
    if (number := match[0].lower()) == "one":
        return match[0]  # mostly a pronoun
    for word in re.findall(r"[a-z]+", number):
        if word in _NUMBERS:
            part += _NUMBERS[word]
        elif word == "hundred":
            part = max(part, 1) * 100
        elif word in _SCALES:
            total, part = total + max(part, 1) * _SCALES[word], 0
    return str(total + part)


def _scaled(match: re.Match[str]) -> str:
    return _plain(Decimal(match[1].replace(",", "")) * _SCALES.get(match[2].lower(), 1_000))


def _clock(match: re.Match[str]) -> str:
    hour = int(match[1]) % 12 + (12 if match[3].lower() == "p" else 0)
    return f"{hour}:{match[2] or '00'}"


def _length(match: re.Match[str]) -> str:
    unit = match["unit"].lower().removesuffix("s")
    unit = _SHORT.get(unit, unit)
    if match["one"]:
        if match["one"].lower() in {"a", "an"} and unit != "decade":
            return match[0]  # mostly a rate: twice a day
        number = Decimal(1)
    else:
        number = Decimal(match["number"] or (30 if match["half"] else 15))
        if not match["number"]:
            unit, number = _FRACTIONS.get(unit, (unit, 1))[0], number * _FRACTIONS.get(unit, ("", 1))[1] / 60
    if number % 1 and unit in _FRACTIONS:
        smaller, size = _FRACTIONS[unit]
        unit, number = smaller, number * size
    while unit in _SIZES and number and not number % _SIZES[unit][0]:
        larger, unit = _SIZES[unit]
        number /= larger
    return f"{_plain(number)} {unit}{'s' * (number != 1)}"


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"
