"""What a call costs: own prices first, then genai-prices; unknown stays unknown.

genai-prices is the best source and slow to import and to ask (some 200 ms, and 100-200 µs a call), so it is
imported on the worker, and what it says of a model is kept as plain numbers.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Literal

from otel_llm.errors import ConfigError
from otel_llm.instrument.fields import Usage
from otel_llm.instrument.providers import price_list_of

_MODELS_LIMIT: Final = 1_000  # model names kept; a client that makes them up must not fill the memory
_PER_TOKENS: Final = 1_000_000
_RATES: Final = ("input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok")
# what a call of text may also be charged for; prices of media, searches and hours need usage that it has not
_BESIDE_TOKENS: Final = {"requests_kcount", "input_text_messages_kcount", "output_reasoning_mtok"}
_OWN_KEYS: Final = {
    "input_usd_per_mtok": "input_mtok",
    "output_usd_per_mtok": "output_mtok",
    "cache_read_usd_per_mtok": "cache_read_mtok",
    "cache_write_usd_per_mtok": "cache_write_mtok",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """A model's prices in USD per million tokens."""

    input_mtok: float = 0.0
    output_mtok: float = 0.0
    cache_read_mtok: float | None = None
    """None: as input."""
    cache_write_mtok: float | None = None
    """None: as input."""

    def cost(self, usage: Usage) -> float:
        """Return the cost in USD. Cached tokens are part of the input, and are paid once, at their own price."""
        read = usage.cache_read_tokens or 0
        write = usage.cache_write_tokens or 0
        read_price = self.input_mtok if self.cache_read_mtok is None else self.cache_read_mtok
        write_price = self.input_mtok if self.cache_write_mtok is None else self.cache_write_mtok
        # a server that counts them beside the input, not in it, must not make the rest negative
        plain = max(0, (usage.input_tokens or 0) - read - write)
        total = plain * self.input_mtok + read * read_price + write * write_price
        return (total + (usage.output_tokens or 0) * self.output_mtok) / _PER_TOKENS


class Pending(enum.Enum):
    """That a price would first have to be imported or looked up."""

    PENDING = "pending"


class Prices:
    """Prices by provider and model."""

    def __init__(self, own: dict[tuple[str | None, str], Rates] | None = None) -> None:
        self._own = own or {}
        self._snapshot: Any = None
        self._models: dict[tuple[str, str], Any] = {}
        self._rates: dict[int, tuple[Any, Rates | None]] = {}

    def load(self) -> None:
        """Import genai-prices: slow."""
        if self._snapshot is None:
            from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415 - slow; see above

            self._snapshot = get_snapshot()

    def prepare(self, provider: str, model: str) -> None:
        """Look up a model, so that `quick_cost` knows it: slow."""
        self.load()
        self._find(provider, model)

    def knows(self, provider: str, model: str | None) -> bool:
        """Whether the model was looked up already, with or without success."""
        return (provider, model) in self._models

    def quick_cost(
        self, provider: str, request_model: str | None, response_model: str | None, usage: Usage
    ) -> float | Literal[Pending.PENDING] | None:
        """Return what `cost` returns when that is quick, else PENDING.

        A response model that was never seen is looked up here only when the request's is known: its variants
        are found in 0.1 ms, but it takes 4 ms to learn that a model is in no list.
        """
        if not _reported(usage) or self._own_rates(provider, request_model, response_model):
            return self.cost(provider, request_model, response_model, usage)
        if request_model and self._models.get((provider, request_model)) is not None:
            return self.cost(provider, request_model, response_model, usage)
        models = (model for model in (request_model, response_model) if model)
        return None if all(self.knows(provider, model) for model in models) else Pending.PENDING

    def cost(
        self, provider: str, request_model: str | None, response_model: str | None, usage: Usage
    ) -> float | None:
        """Return the cost in USD, or None: no tokens were reported, or no price is known. May be slow.

        Args:
            provider: by the conventions' name.
            request_model: as the app named it; perhaps an alias or a deployment.
            response_model: as the provider named it, which is more exact and comes first.
            usage: what was used.
        """
        if not _reported(usage):
            return None
        if rates := self._own_rates(provider, request_model, response_model):
            return rates.cost(usage)
        self.load()
        for name in (response_model, request_model):
            if name and (model := self._find(provider, name)) is not None:
                return self._list_cost(model, usage)
        return None

    def _own_rates(self, provider: str, request_model: str | None, response_model: str | None) -> Rates | None:
        if not self._own:
            return None
        keys = ((owner, name) for name in (response_model, request_model) if name for owner in (provider, None))
        return next(filter(None, map(self._own.get, keys)), None)

    def _find(self, provider: str, name: str) -> Any:
        key = (provider, name)
        if key in self._models:
            return self._models[key]
        try:
            _, model = self._snapshot.find_provider_model(name, None, price_list_of(provider), None)
        except LookupError:
            model = None
        if len(self._models) >= _MODELS_LIMIT:
            self._models.clear()
        self._models[key] = model
        return model

    def _list_cost(self, model: Any, usage: Usage) -> float | None:
        price = model.get_prices(datetime.now(UTC))  # a model's price may depend on the hour
        kept = self._rates.get(id(price))
        if kept is None:
            kept = self._rates[id(price)] = (price, _plain_rates(price))  # holding the price keeps its id taken
        rates = kept[1]
        if rates is not None and usage.modalities is None:
            return rates.cost(usage)
        return _calculated(price, usage)


def read_price_file(path: Path) -> dict[tuple[str | None, str], Rates]:
    """Return a file's prices by provider (None: any) and model.

    Raises:
        ConfigError: it cannot be read, or holds something else.
    """
    import tomllib  # noqa: PLC0415 - only where there is a file

    try:
        with path.open("rb") as file:
            tables = tomllib.load(file)
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"OTEL_LLM_PRICES: {path} must be a TOML file: {error}") from error
    if unknown := set(tables) - {"models"}:
        raise ConfigError(f'OTEL_LLM_PRICES: {path} must hold [models."name"] tables only, got {sorted(unknown)}')
    return dict(_read_own(path, name, table) for name, table in tables.get("models", {}).items())


def _read_own(path: Path, name: str, table: Any) -> tuple[tuple[str | None, str], Rates]:
    where = f'OTEL_LLM_PRICES: {path}: [models."{name}"]'
    if not isinstance(table, dict):
        raise ConfigError(f"{where} must be a table, got {table!r}; quote a name that has dots")
    for key, value in table.items():
        if key == "provider":
            if not isinstance(value, str):
                raise ConfigError(f"{where} provider must be a provider's name, got {value!r}")
            continue
        if key not in _OWN_KEYS:
            raise ConfigError(f"{where} has no key {key}; it has provider, {', '.join(_OWN_KEYS)}")
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
            raise ConfigError(f"{where} {key} must be a number of USD, 0 or more, got {value!r}")
    for key in ("input_usd_per_mtok", "output_usd_per_mtok"):
        if key not in table:
            raise ConfigError(f"{where} must say {key}")
    rates = Rates(**{field: float(table[key]) for key, field in _OWN_KEYS.items() if key in table})
    return (table.get("provider"), name), rates


def _reported(usage: Usage) -> bool:
    return usage.input_tokens is not None or usage.output_tokens is not None


def _plain_rates(price: Any) -> Rates | None:
    """Return a list price as plain rates, or None when only its calculator is right: tiers, prices per request."""
    known = {key: value for key, value in vars(price).items() if value is not None}
    rates = {key: known[key] for key in _RATES if key in known}
    if not {"input_mtok", "output_mtok"} <= rates.keys() or not known.keys().isdisjoint(_BESIDE_TOKENS):
        return None
    if not all(isinstance(rate, Decimal) for rate in rates.values()):
        return None
    return Rates(**{key: float(rate) for key, rate in rates.items()})


def _calculated(price: Any, usage: Usage) -> float | None:
    from genai_prices import Usage as ListUsage  # noqa: PLC0415 - loaded by now

    if not any(value is not None for value in vars(price).values()):
        return None
    total = price.calc_price(
        ListUsage(
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cache_read_tokens=usage.cache_read_tokens,
            cache_write_tokens=usage.cache_write_tokens,
            input_audio_tokens=usage.modalities.input_audio_tokens if usage.modalities else None,
            output_audio_tokens=usage.modalities.output_audio_tokens if usage.modalities else None,
            output_reasoning_tokens=usage.reasoning_tokens,
        )
    )["total_price"]
    return float(total)
