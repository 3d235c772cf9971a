"""What a call used: counts of units, whose table is in `units`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

Thing = Literal[
    "token", "character", "message", "second", "pixel", "page", "image", "search", "execution", "request"
]
"""What a unit counts."""

# USD per so many: genai-prices 0.2.3, `data_units.py`, which prices no whole images
_PRICED_PER: Final[Mapping[Thing, int]] = {
    "token": 1_000_000,
    "character": 1_000_000,
    "message": 1_000,
    "second": 3_600,
    "pixel": 1_000_000_000,
    "page": 1_000,
    "image": 1,
    "search": 1_000,
    "execution": 1_000,
    "request": 1_000,
}


@dataclass(frozen=True, slots=True, eq=False)
class Unit:
    """One kind of thing that a provider counts. Equal only to itself, so that it is quick as a key."""

    name: str
    thing: Thing
    side: Literal["input", "output"] | None
    """None means neither the request nor the answer, such as a search."""
    price_key: str | None
    """The key of its price in genai-prices' list; None means that the list has no such price."""
    part_of: tuple[Unit, ...] = field(default=(), repr=False)
    """The units whose counts include this one's. Where a part of several has no price, the first one's is paid."""
    modality: str | None = None
    """What the tokens stand for, as gen_ai.token.modality has it; None means all modalities."""
    attribute: str | None = None
    """The span attribute of the count; None means that the conventions have none."""

    @property
    def priced_per(self) -> int:
        """How many of them a price is for."""
        return _PRICED_PER[self.thing]

    def wholes(self) -> list[Unit]:
        """Return all units that include this one, the nearest first, each once."""
        found = list(self.part_of)
        for whole in found:
            found += [further for further in whole.part_of if further not in found]
        return found


Counts = Mapping[Unit, int | float | None]
"""How many of each unit; None, as an absent unit, means that the provider reported no count.

A count includes all of its parts, cached tokens and all modalities, whatever the provider's own counting is.
"""


@dataclass(slots=True)
class Usage:
    """What a call used, as far as the provider reports it."""

    counts: Counts
    conditions: Mapping[str, str] | None = None
    """What the price depends on beside model and date, in genai-prices' words: {"service_tier": "flex"}."""
    cost_usd: float | None = None
    """The cost that the provider itself reports; None means that it reports none."""
