"""Places of words in a text, whatever their case, found faster than by one pattern for all of them."""

from __future__ import annotations

from collections.abc import Sequence


def places_of(text: str, stems: Sequence[str]) -> list[int]:
    """Return the places at which one of the stems begins, in order; stems are in lower case."""
    lower = text.lower()
    if len(lower) != len(text):  # only this letter has two in lower case
        lower = text.replace("\u0130", "I").lower()
    places: set[int] = set()
    for stem in [stem for stem in stems if stem in lower]:
        place = lower.find(stem)
        while place >= 0:
            places.add(place)
            place = lower.find(stem, place + len(stem))
    return sorted(places)
