"""The TOML file of the user's own prices."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from otel_llm.errors import ConfigError
from otel_llm.instrument.contract.units import (
    CODE_EXECUTIONS,
    INPUT_TOKENS,
    OUTPUT_TOKENS,
    REQUESTS,
    SOCIAL_SEARCHES,
    STORAGE_SEARCHES,
    UNITS,
    WEB_SEARCHES,
)
from otel_llm.instrument.contract.usage import Thing, Unit
from otel_llm.instrument.cost.rates import Rates

OwnPrices = Mapping[tuple[str | None, str], Rates]
"""Prices by provider and model. None means any provider."""

_PRICES: Final[Mapping[Thing, tuple[str, str]]] = {
    "token": ("_tokens", "_usd_per_mtok"),
    "character": ("_characters", "_usd_per_mchar"),
    "second": ("_seconds", "_usd_per_hour"),
    "pixel": ("_pixels", "_usd_per_gpixel"),
}
"""The ending of a unit's name, and its replacement in the price's key. Other prices are for one thing."""


def price_key(unit: Unit) -> str:
    """Return the key of a unit's price in the file, such as `input_usd_per_mtok` or `web_search_usd`."""
    ending, price = _PRICES.get(unit.thing, ("es" if unit.thing == "search" else "s", "_usd"))
    return unit.name.removesuffix(ending) + price


def _read_price(unit: Unit, value: float) -> float:
    """Return the price in USD for `priced_per` of the unit."""
    return float(value) if unit.thing in _PRICES else float(value) * unit.priced_per


_KEYS: Final = {price_key(unit): unit for unit in UNITS}
_BOTH: Final = (price_key(INPUT_TOKENS), price_key(OUTPUT_TOKENS))
# units that are paid in addition to tokens, and never instead of them
_BESIDE: Final = frozenset({WEB_SEARCHES, SOCIAL_SEARCHES, STORAGE_SEARCHES, CODE_EXECUTIONS, REQUESTS})


def read_price_file(path: Path) -> OwnPrices:
    """Return a file's prices.

    Raises:
        ConfigError: the file cannot be read, or has wrong contents.
    """
    import tomllib  # noqa: PLC0415 - only where there is a file

    try:
        with path.open("rb") as file:
            tables = tomllib.load(file)
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"OTEL_LLM_PRICES: {path} must be a TOML file: {error}") from error
    if unknown := set(tables) - {"models"}:
        raise ConfigError(f'OTEL_LLM_PRICES: {path} must hold [models."name"] tables only, got {sorted(unknown)}')
    models = tables.get("models", {})
    if not isinstance(models, dict):
        raise ConfigError(f'OTEL_LLM_PRICES: {path} must hold [models."name"] tables, got models = {models!r}')
    return dict(_read_model(path, name, table) for name, table in models.items())


def _read_model(path: Path, name: str, table: Any) -> tuple[tuple[str | None, str], Rates]:
    where = f'OTEL_LLM_PRICES: {path}: [models."{name}"]'
    if not isinstance(table, dict):
        raise ConfigError(f"{where} must be a table, got {table!r}; quote a name that has dots")
    for key, value in table.items():
        if key == "provider":
            if not isinstance(value, str):
                raise ConfigError(f"{where} provider must be a provider's name, got {value!r}")
            continue
        if key not in _KEYS:
            raise ConfigError(f"{where} has no key {key}; it has provider, {', '.join(_KEYS)}")
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
            raise ConfigError(f"{where} {key} must be a number of USD, 0 or more, got {value!r}")
    prices = {_KEYS[key]: _read_price(_KEYS[key], value) for key, value in table.items() if key in _KEYS}
    if any(unit.thing == "token" for unit in prices) or prices.keys() <= _BESIDE:
        for key in _BOTH:
            if key not in table:
                raise ConfigError(f"{where} must say {key}")
    return (table.get("provider"), name), Rates(prices)
