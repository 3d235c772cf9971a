"""What genai-prices' list says of a model at a moment, as plain rates.

genai-prices is the best source and slow to import and to ask, so this is done on the worker where it can be, and
what comes of it is kept.
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

# genai-prices 0.2.3, `ModelInfo.calc_price`, in whose data it is not
_MINIMUM_S: Final = {("groq", "whisper-large-v3"): 10, ("groq", "whisper-large-v3-turbo"): 10}
_UNITS: Final = {unit.price_key: unit for unit in UNITS if unit.price_key is not None}
_UNKNOWN_FOR_S: Final = 60.0  # how long a price is kept whose constraint is of a kind that is not known here


class PriceList:
    """The list, once imported."""

    def __init__(self) -> None:
        """Import it: slow."""
        self._snapshot = _import_snapshot()

    def find(self, price_list: str, name: str) -> Any:
        """Return the provider and the model that a name stands for in one provider's list, or None."""
        try:
            return self._snapshot.find_provider_model(name, None, price_list, None)
        except LookupError:
            return None

    def rates(self, found: Any, conditions: Mapping[str, str], now: datetime) -> tuple[Rates | None, float]:
        """Return what `find` found costs now, None where the list does not say, and until when that is so.

        A model without a price in the list is unknown rather than free: the list tells the two apart nowhere.
        """
        provider, model = found
        # as in genai-prices: conditions are the provider's own, not those of another one whose models it offers
        if not (model.price_variants and any(model is own for own in provider.models)):
            conditions = {}
        prices = vars(model.get_prices(now, conditions or None))
        return _rates(prices, _MINIMUM_S.get((provider.id, model.id), 0)), _valid_until(_constraints(model), now)


def _import_snapshot() -> Any:
    """Return genai-prices' list, without an import of httpx2 where the app has none.

    genai_prices imports httpx2 to fetch newer lists. openai 2.x, which does not, looks for it among the modules
    whenever a client is made, and fails where it finds it half imported, as while we import on the worker.
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
    """Return what a package that was not executed lacks: for an app that imports it meanwhile, it is executed."""
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
    """Return the price of a call with just more than `start` input tokens: the highest tier's that it is above."""
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
    """Return when the next of the constraints may begin or cease to hold, in seconds since the epoch."""
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
    """Return when it is that time of the day next; a time without a zone is UTC."""
    zone = at.tzinfo or UTC
    today = datetime.combine(now.astimezone(zone).date(), at, zone)
    return (today if today > now else today + timedelta(days=1)).timestamp()
