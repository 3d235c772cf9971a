"""What a message used. The API counts cached input beside the other input; the conventions count it within."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from otel_llm.instrument.clients.formats.fields import count_of, fields_of, text_of
from otel_llm.instrument.contract.data import Usage


def read_usage(reported: Mapping[str, Any]) -> Usage:
    """Return what a message used, by the fields of its usage."""
    fresh = count_of(reported.get("input_tokens"))
    written = count_of(reported.get("cache_creation_input_tokens"))
    read = count_of(reported.get("cache_read_input_tokens"))
    details = fields_of(reported.get("output_tokens_details"))
    return Usage(
        input_tokens=None if fresh is None else fresh + (written or 0) + (read or 0),
        output_tokens=count_of(reported.get("output_tokens")),
        cache_read_tokens=read,
        cache_write_tokens=written,
        reasoning_tokens=count_of(details.get("thinking_tokens")),
        service_tier=text_of(reported.get("service_tier")),
    )
