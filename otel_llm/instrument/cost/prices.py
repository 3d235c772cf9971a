"""The cost of a call: by own prices, else by the provider's report, else by genai-prices' list, else unknown.

The list is imported on the worker. A model's prices are kept as plain numbers, so that pricing a call takes the
caller a microsecond.
"""

from __future__ import annotations

import contextlib
import enum
import math
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from otel_llm.instrument.contract.usage import Usage
from otel_llm.instrument.servers import price_list_of

if TYPE_CHECKING:
    from otel_llm.instrument.cost.own_prices import OwnPrices
    from otel_llm.instrument.cost.price_list import PriceList
    from otel_llm.instrument.cost.rates import Rates

_KEPT_LIMIT: Final = 1_000  # models kept: a client that makes up models must not fill the memory


class Pending(enum.Enum):
    """The answer that a price must first be imported or looked up."""

    PENDING = "pending"


CostSource = Literal["own", "provider", "list"]
"""The source of a cost: the app's own prices, the provider in its response, or genai-prices' list."""
Cost = tuple[float, CostSource]
"""The cost in USD, and its source."""
QuickCost = Cost | Literal[Pending.PENDING] | None
"""The cost. PENDING means that the list must be searched first. None means unknown."""


class _Names(NamedTuple):
    """The values on which a price depends, beside the moment."""

    provider: str
    request_model: str | None
    response_model: str | None
    conditions: tuple[tuple[str, str], ...]

    def models(self) -> list[str]:
        """Return the models' names, the more exact first."""
        return [name for name in (self.response_model, self.request_model) if name]


class _Kept(NamedTuple):
    rates: Rates | None
    until: float
    """Seconds since the epoch until which the price holds: some prices hold for hours, or until a date."""
    source: CostSource = "list"

    def cost(self, usage: Usage) -> Cost | None:
        """Return the cost of the usage by these prices."""
        usd = None if self.rates is None else self.rates.cost(usage)
        return None if usd is None else (usd, self.source)


_at_once = False
"""True once the exit handlers run: nothing comes later."""
_without_loading = False
"""True while the process ends, and the import of the list has taken too long."""


def answer_at_once() -> None:
    """From now on `quick_cost` loads the list itself: the exit handlers run, and nothing comes later."""
    global _at_once  # noqa: PLW0603 - one end of a process
    _at_once = True


@contextlib.contextmanager
def without_loading() -> Iterator[None]:
    """Meanwhile, answer at once: a cost that is not known without the list is unknown."""
    global _without_loading  # noqa: PLW0603 - one end of a process
    _without_loading = True
    try:
        yield
    finally:
        _without_loading = False


class Prices:
    """Prices by provider and model."""

    def __init__(self, own: OwnPrices | None = None) -> None:
        self._own = own or {}
        self._list: PriceList | None = None
        self._found: dict[tuple[str, str], Any] = {}
        self._kept: dict[tuple[str, str | None, str | None, tuple[tuple[str, str], ...]], _Kept] = {}

    def load(self) -> PriceList:
        """Return the list. The first call imports it, which is slow."""
        if self._list is None:
            from otel_llm.instrument.cost.price_list import PriceList  # noqa: PLC0415 - it imports decimal

            self._list = PriceList()
        return self._list

    def prepare(self, provider: str, model: str) -> None:
        """Look up a model, so that `quick_cost` knows the model. Slow."""
        if not _without_loading:
            self._find(provider, model)

    def knows(self, provider: str, model: str | None) -> bool:
        """Return True if the model was looked up already, with or without success."""
        return (provider, model) in self._found

    def quick_cost(
        self, provider: str, request_model: str | None, response_model: str | None, usage: Usage | None
    ) -> QuickCost:
        """Return the result of `cost` if that is quick, else PENDING; None also if no usage was reported."""
        if usage is None:
            return None
        conditions = tuple(usage.conditions.items()) if usage.conditions else ()
        if usage.cost_usd is not None:
            return self._reported(_Names(provider, request_model, response_model, conditions), usage)
        kept = self._kept.get((provider, request_model, response_model, conditions))
        if kept is None or time.time() >= kept.until:
            names = _Names(provider, request_model, response_model, conditions)
            if not (_at_once or self._is_near(names)):
                return Pending.PENDING
            kept = self._keep(names)
        return kept.cost(usage)

    def cost(
        self, provider: str, request_model: str | None, response_model: str | None, usage: Usage
    ) -> Cost | None:
        """Return the cost. None means that no priced unit was reported, or that no price is known. May be slow.

        Args:
            provider: the conventions' name of the provider.
            request_model: the model's name from the app; perhaps an alias or a deployment.
            response_model: the model's name from the provider, which is more exact and comes first.
            usage: the usage of the call.
        """
        names = _Names(provider, request_model, response_model, tuple((usage.conditions or {}).items()))
        if usage.cost_usd is not None:
            return self._reported(names, usage)
        return None if _without_loading and not self._is_near(names) else self._keep(names).cost(usage)

    def _reported(self, names: _Names, usage: Usage) -> Cost | None:
        """Return the cost if the provider reports one. Own prices come first; the list is not searched."""
        own = self._own_rates(names) if self._own else None
        if own is not None:
            return _Kept(own, math.inf, "own").cost(usage)
        return None if usage.cost_usd is None else (usage.cost_usd, "provider")

    def _is_near(self, names: _Names) -> bool:
        """Return True if the price is found without a long search of the list.

        If the response's model extends the request's, as `gpt-4o-2024-08-06` extends `gpt-4o`, the look-up runs on
        the caller's path, so that the first call has its cost on the span. This look-up takes 0.1 ms. To learn
        that a name is in no list takes longer.
        """
        models = names.models()
        if self._own_rates(names) or all(self.knows(names.provider, model) for model in models):
            return True
        request = names.request_model
        return (
            request is not None
            and names.response_model is not None
            and self._found.get((names.provider, request)) is not None
            and names.response_model.startswith(request)
        )

    def _keep(self, names: _Names) -> _Kept:
        if len(self._kept) >= _KEPT_LIMIT:
            self._kept.clear()
        kept = self._kept[names] = self._resolve(names)
        return kept

    def _resolve(self, names: _Names) -> _Kept:
        if own := self._own_rates(names):
            return _Kept(own, math.inf, "own")
        for model in names.models():
            if (found := self._find(names.provider, model)) is not None:
                return _Kept(*self.load().rates(found, dict(names.conditions), datetime.now(UTC)))
        return _Kept(None, math.inf)

    def _own_rates(self, names: _Names) -> Rates | None:
        keys = ((provider, model) for model in names.models() for provider in (names.provider, None))
        return next(filter(None, map(self._own.get, keys)), None)

    def _find(self, provider: str, name: str) -> Any:
        key = (provider, name)
        if key not in self._found:
            found = self.load().find(price_list_of(provider), name)
            if len(self._found) >= _KEPT_LIMIT:
                self._found.clear()
            self._found[key] = found
            return found
        return self._found[key]
