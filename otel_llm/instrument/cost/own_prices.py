"""A file of own prices."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from otel_llm.errors import ConfigError
from otel_llm.instrument.cost.rates import Rates

OwnPrices = Mapping[tuple[str | None, str], Rates]
"""Prices by provider (None: any) and model."""

_KEYS: Final = {
    "input_usd_per_mtok": "input_mtok",
    "output_usd_per_mtok": "output_mtok",
    "cache_read_usd_per_mtok": "cache_read_mtok",
    "cache_write_usd_per_mtok": "cache_write_mtok",
    "reasoning_usd_per_mtok": "reasoning_mtok",
    "input_audio_usd_per_mtok": "input_audio_mtok",
    "output_audio_usd_per_mtok": "output_audio_mtok",
    "input_image_usd_per_mtok": "input_image_mtok",
    "output_image_usd_per_mtok": "output_image_mtok",
    "request_usd": "request_usd",
}


def read_price_file(path: Path) -> OwnPrices:
    """Return a file's prices.

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
    for key in ("input_usd_per_mtok", "output_usd_per_mtok"):
        if key not in table:
            raise ConfigError(f"{where} must say {key}")
    prices: dict[str, Any] = {field: float(table[key]) for key, field in _KEYS.items() if key in table}
    return (table.get("provider"), name), Rates(**prices)
