"""The usage of a message. The API's input tokens exclude cached input, those of the conventions include it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from otel_llm.instrument.clients.formats.fields import count_of, fields_of, price_conditions, text_of
from otel_llm.instrument.clients.formats.reported_cost import reported_cost
from otel_llm.instrument.contract import units
from otel_llm.instrument.contract.usage import Unit, Usage


def read_usage(reported: Mapping[str, Any]) -> Usage:
    """Return the usage of a message from the fields of its usage object."""
    fresh = count_of(reported.get("input_tokens"))
    written = count_of(reported.get("cache_creation_input_tokens"))
    read = count_of(reported.get("cache_read_input_tokens"))
    counts: dict[Unit, int | float | None] = {
        units.INPUT_TOKENS: None if fresh is None else fresh + (written or 0) + (read or 0),
        units.OUTPUT_TOKENS: count_of(reported.get("output_tokens")),
        units.CACHE_READ_TOKENS: read,
        units.CACHE_WRITE_TOKENS: written,
        units.REASONING_TOKENS: _part(reported, "output_tokens_details", "thinking_tokens"),
        units.WEB_SEARCHES: _part(reported, "server_tool_use", "web_search_requests"),
    }
    for_an_hour = _part(reported, "cache_creation", "ephemeral_1h_input_tokens")
    # in a stream, this field comes with the first event; the whole count may come with a later event
    if for_an_hour is not None and for_an_hour <= (written or 0):
        counts[units.CACHE_WRITE_1H_TOKENS] = for_an_hour
    return Usage(counts, price_conditions(text_of(reported.get("service_tier"))), reported_cost(reported))


def _part(reported: Mapping[str, Any], group: str, name: str) -> int | None:
    """Return a count from a group of counts."""
    return count_of(fields_of(reported.get(group)).get(name))
