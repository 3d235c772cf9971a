"""The usage of a call: counts of units. The table of units is in `units`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

Thing = Literal[
    "token", "character", "message", "second", "pixel", "page", "image", "search", "execution", "request"
]
"""The kind of thing that a unit counts."""

# things that one price is for: genai-prices 0.2.3, `data_units.py`, which has no prices for whole images
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
    """One kind of thing that a provider counts. A unit is equal only to itself, and so a quick key."""

    name: str
    thing: Thing
    side: Literal["input", "output"] | None
    """The side of the call. None means neither the request nor the answer, such as a search."""
    price_key: str | None
    """The key of the unit's price in genai-prices' list. None means that the list has no such price."""
    part_of: tuple[Unit, ...] = field(default=(), repr=False)
    """The units whose counts include this unit's count. A unit without a price is paid as the first of these."""
    modality: str | None = None
    """The value of gen_ai.token.modality. None means all modalities."""
    attribute: str | None = None
    """The span attribute of the count. None means that the conventions have no such attribute."""

    @property
    def priced_per(self) -> int:
        """The number of things that one price is for."""
        return _PRICED_PER[self.thing]

    def wholes(self) -> list[Unit]:
        """Return all units that include this unit, the nearest first, each once."""
        found = list(self.part_of)
        for whole in found:
            found += [further for further in whole.part_of if further not in found]
        return found


Counts = Mapping[Unit, int | float | None]
"""The number of things by unit. None, like an absent unit, means that the provider reported no count.

A count includes the counts of all its parts, such as cached tokens and modalities, even where the provider itself
counts the parts apart.
"""


@dataclass(slots=True)
class Usage:
    """The usage of a call, as far as the provider reports it."""

    counts: Counts
    conditions: Mapping[str, str] | None = None
    """Conditions of the price beside model and date, in genai-prices' words: {"service_tier": "flex"}."""
    cost_usd: float | None = None
    """The cost in USD that the provider itself reports. None means that the provider reports no cost."""
