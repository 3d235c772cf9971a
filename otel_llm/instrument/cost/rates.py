"""The prices of a model's units, as plain numbers: quick enough for the caller's path."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from otel_llm.instrument.contract import units
from otel_llm.instrument.contract.usage import Counts, Unit, Usage

_MILLION: Final = 1_000_000
_PARTS_FIRST: Final = tuple(reversed(units.UNITS))
_ROUNDING: Final = 1e-6  # rounded seconds: the sum of the parts may exceed the whole, by less than this


class _Part(NamedTuple):
    """A unit without priced parts."""

    usd_per_million: float | None
    """The unit's own price. None means that the unit is paid at the price of its wholes."""
    wholes: tuple[Unit, ...]
    """The priced units that include this unit."""
    places: tuple[int, ...]
    """The positions of `wholes` in `Rates._wholes`; wholes without priced parts have none."""


class _Whole(NamedTuple):
    """A priced unit with priced parts. The rest of its count, beside the parts, is paid at its own price."""

    unit: Unit
    usd_per_million: float
    place: int
    """The position in `Rates._wholes`."""
    places: tuple[int, ...]
    """The positions of the priced units that include this whole."""


@dataclass(slots=True)
class Rates:
    """A model's prices. Never changed after construction.

    Each counted thing is paid once, at the price of the smallest priced unit that includes it. A unit without a
    price is paid at the price of its whole, or not at all if no whole has a price. The constructor computes all
    that depends on the prices alone, so that pricing a call takes one loop over its counts and one over the few
    wholes.
    """

    prices: Mapping[Unit, float]
    """USD by unit, for `Unit.priced_per` things each."""
    above: tuple[tuple[int, Rates], ...] = ()
    """Prices of whole calls with more input tokens than a number, the highest number first."""
    minimum_s: float = 0
    """Minimum of seconds billed for a call with audio."""
    _parts: Mapping[Unit, _Part] = field(init=False, repr=False, compare=False)
    """The units outside `_wholes` that have a price, or are paid at the price of a whole."""
    _wholes: tuple[_Whole, ...] = field(init=False, repr=False, compare=False)
    """The wholes. A whole that is part of another comes before that other one."""
    _overlaps: tuple[Unit, ...] = field(init=False, repr=False, compare=False)
    """The priced units that are part of several units, such as cached audio."""
    _expected: tuple[Unit, ...] = field(init=False, repr=False, compare=False)
    """Units of which at least one must be counted, else a call cannot be priced."""
    _request_usd_per_million: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        prices = _with_overlaps(self.prices)
        each = {unit: price_usd * (_MILLION / unit.priced_per) for unit, price_usd in prices.items()}
        self._request_usd_per_million = each.pop(units.REQUESTS, 0.0)
        wholes = {unit: tuple(whole for whole in unit.wholes() if whole in each) for unit in units.UNITS}
        with_parts = {whole for unit in each for whole in wholes[unit]}
        place_of = {unit: place for place, unit in enumerate(unit for unit in _PARTS_FIRST if unit in with_parts)}
        places = {
            unit: tuple(place_of[whole] for whole in wholes[unit] if whole in place_of) for unit in units.UNITS
        }
        self._parts = {
            unit: _Part(each.get(unit), wholes[unit], places[unit])
            for unit in units.UNITS
            if unit not in place_of and (unit in each or wholes[unit])
        }
        self._wholes = tuple(_Whole(unit, each[unit], place, places[unit]) for unit, place in place_of.items())
        self._overlaps = tuple(unit for unit in each if len(unit.part_of) > 1)
        tokens = (units.INPUT_TOKENS, units.OUTPUT_TOKENS)
        self._expected = tokens if each.keys() & tokens else tuple(each)

    def cost(self, usage: Usage) -> float | None:
        """Return the cost in USD. None means that no priced unit was counted, or that counts are contradictory.

        Source: genai-prices 0.2.3, `decompose.py` and `calc_unit_price`. The tests compare the results.
        """
        counts = usage.counts
        expected = self._expected
        if expected and counts.get(expected[0]) is None and all(counts.get(unit) is None for unit in expected):
            return None
        if self.above:
            asked = counts.get(units.INPUT_TOKENS) or 0
            for start, rates in self.above:
                if asked > start:
                    return rates.cost(usage)
        if self.minimum_s:
            counts = _with_minimum(counts, self.minimum_s)
        if self._overlaps and _unknown_overlap(self._overlaps, counts):
            return None
        return self._sum(counts)

    def _sum(self, counts: Counts) -> float | None:
        total = self._request_usd_per_million
        parts = self._parts
        paid: list[float] = [0] * len(self._wholes)  # for each whole, the count already paid with its parts
        for unit, count in counts.items():
            if not count:
                continue
            if not count > 0:  # includes NaN
                return None
            if unit in parts:
                usd_per_million, including, places = parts[unit]
                if usd_per_million is not None:
                    total += count * usd_per_million
                    for place in places:
                        paid[place] += count
                elif _lacks_any(counts, including):
                    return None
        for unit, usd_per_million, place, places in self._wholes:
            rest = (counts.get(unit) or 0) - paid[place]
            if rest > 0:
                total += rest * usd_per_million
                for outer in places:
                    paid[outer] += rest
            elif rest < -_ROUNDING:
                return None
        return total / _MILLION if total < math.inf else None


def _with_minimum(counts: Counts, minimum_s: float) -> Counts:
    """Return the counts with the seconds of audio, if any, raised to the minimum."""
    seconds = counts.get(units.AUDIO_SECONDS) or counts.get(units.INPUT_AUDIO_SECONDS)
    if not seconds or seconds < 0:
        return counts
    billed_s = max(seconds, minimum_s)
    return {**counts, units.AUDIO_SECONDS: billed_s, units.INPUT_AUDIO_SECONDS: billed_s}


def _lacks_any(counts: Counts, wholes: tuple[Unit, ...]) -> bool:
    """Return True if a whole was not counted, although a part was."""
    for whole in wholes:  # noqa: SIM110 - any() takes three times as long
        if counts.get(whole) is None:
            return True
    return False


def _unknown_overlap(overlaps: tuple[Unit, ...], counts: Counts) -> bool:
    """Return True if two counts may overlap by an unknown amount."""
    return any(counts.get(unit) is None and all(map(counts.get, unit.part_of)) for unit in overlaps)


def _with_overlaps(prices: Mapping[Unit, float]) -> dict[Unit, float]:
    """Return the prices, and a price for each unpriced unit that is part of several priced units."""
    priced = dict(prices)
    for unit in units.UNITS:
        if unit not in priced and len(unit.part_of) > 1 and all(whole in priced for whole in unit.part_of):
            priced[unit] = priced[unit.part_of[0]]
    return priced
