"""The prices of a model at a moment by genai-prices' list, as plain rates.

genai-prices is the best source, but its import and its look-ups are slow. Both run on the worker where possible,
and the results are kept.
"""

from __future__ import annotations

import functools
import importlib.util
import math
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Final

from otel_llm.instrument.contract.units import UNITS
from otel_llm.instrument.contract.usage import Unit
from otel_llm.instrument.cost.rates import Rates

# genai-prices 0.2.3, `ModelInfo.calc_price`: a rule in code, which the data lack
_MINIMUM_S: Final = {("groq", "whisper-large-v3"): 10, ("groq", "whisper-large-v3-turbo"): 10}
_UNITS: Final = {unit.price_key: unit for unit in UNITS if unit.price_key is not None}
_UNKNOWN_FOR_S: Final = 60.0  # lifetime of a price whose constraint is of an unknown kind


class PriceList:
    """The imported list of prices."""

    def __init__(self) -> None:
        """Import the list, which is slow."""
        self._snapshot = _import_snapshot()

    def find(self, price_list: str, name: str) -> Any:
        """Return the provider and the model for a name in one provider's list; None without such a model."""
        try:
            return self._snapshot.find_provider_model(name, None, price_list, None)
        except LookupError:
            return None

    def rates(self, found: Any, conditions: Mapping[str, str], now: datetime) -> tuple[Rates | None, float]:
        """Return the prices now of a result of `find`, None if unknown, and the time until which they hold.

        A model without a price in the list counts as unknown, not as free: the list does not distinguish the two.
        """
        provider, model = found
        # as in genai-prices: conditions are of the provider itself, not of another provider whose models it offers
        if not (model.price_variants and any(model is own for own in provider.models)):
            conditions = {}
        prices = vars(model.get_prices(now, conditions or None))
        return _rates(prices, _MINIMUM_S.get((provider.id, model.id), 0)), _valid_until(_constraints(model), now)


def _import_snapshot() -> Any:
    """Return genai-prices' list, without importing httpx2 into an app that has not imported it.

    genai_prices imports httpx2 to fetch newer lists. openai 2.x does not import httpx2, but looks for it in
    `sys.modules` whenever a client is made, and fails if httpx2 is half imported, as during an import on the
    worker.
    """
    name = "genai_prices"
    if name in sys.modules or "httpx2" in sys.modules or (spec := importlib.util.find_spec(name)) is None:
        return importlib.import_module(f"{name}.data_snapshot").get_snapshot()
    package = importlib.util.module_from_spec(spec)
    package.__getattr__ = functools.partial(_execute, package, spec)  # type: ignore[method-assign]
    sys.modules[name] = package
    try:
        return importlib.import_module(f"{name}.data_snapshot").get_snapshot()
    finally:
        if sys.modules.get(name) is package and "__getattr__" in vars(package):
            del sys.modules[name]


def _execute(package: ModuleType, spec: ModuleSpec, attribute: str) -> Any:
    """Execute a package for an app that imports it meanwhile; return its missing attribute."""
    is_part = attribute.startswith("__") or importlib.util.find_spec(f"{spec.name}.{attribute}") is not None
    if is_part or spec.loader is None:
        raise AttributeError(attribute)
    vars(package).pop("__getattr__", None)
    spec.loader.exec_module(package)
    return getattr(package, attribute)


def _rates(prices: Mapping[str, Any], minimum_s: float) -> Rates | None:
    known = {_UNITS[key]: price for key, price in prices.items() if price is not None and key in _UNITS}
    if not known:
        return None
    starts = {tier.start for price in known.values() for tier in getattr(price, "tiers", ())}
    above = tuple((start, Rates(_at_tier(known, start))) for start in sorted(starts, reverse=True))
    return Rates(_at_tier(known, -1), above, minimum_s)


def _at_tier(known: Mapping[Unit, Any], start: int) -> dict[Unit, float]:
    return {unit: float(_at(price, start)) for unit, price in known.items()}


def _at(price: Any, start: int) -> Decimal:
    """Return the price for just over `start` input tokens: the price of the highest tier that applies."""
    if isinstance(price, Decimal):
        return price
    held: Decimal = price.base
    for tier in price.tiers:
        if tier.start <= start:
            held = tier.price
    return held


def _constraints(model: Any) -> Iterator[Any]:
    prices = model.prices if isinstance(model.prices, list) else ()
    for conditional in (*prices, *(model.price_variants or ())):
        if conditional.constraint is not None:
            yield conditional.constraint


def _valid_until(constraints: Iterable[Any], now: datetime) -> float:
    """Return the seconds since the epoch at which the next constraint may begin or cease to hold."""
    moments = [math.inf]
    for constraint in constraints:
        if (start_date := getattr(constraint, "start_date", None)) is not None:
            start = datetime.combine(start_date, time(), UTC)
            moments += [start.timestamp()] if start > now else []
        elif (start_time := getattr(constraint, "start_time", None)) is not None:
            moments += [_next(start_time, now), _next(constraint.end_time, now)]
        else:
            moments.append(now.timestamp() + _UNKNOWN_FOR_S)
    return min(moments)


def _next(at: time, now: datetime) -> float:
    """Return the next moment with this time of day. A time without a zone is UTC."""
    zone = at.tzinfo or UTC
    today = datetime.combine(now.astimezone(zone).date(), at, zone)
    return (today if today > now else today + timedelta(days=1)).timestamp()
