"""What a subject records of the same calls: looked for by value, whatever it is named."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from typing import Any

import openai
import traffic
from opentelemetry.sdk.trace import ReadableSpan
from switch import Switch
from telemetry import flush, metric_names, spans_of


def recorded(switch: Switch) -> dict[str, Any]:
    """Return what is on the spans of a call and of streams, with the client instrumented."""
    switch.on()
    traffic.call(1, nullcontext)  # prices may be looked up during the first
    flush()
    call = spans_of(lambda: traffic.call(1, nullcontext))
    stream = spans_of(lambda: traffic.stream(1, nullcontext))
    metrics = metric_names()
    return {
        "attributes": max((len(span.attributes or {}) for span in call), default=0),
        "call": _tokens(call),
        "stream": _tokens(stream),
        "async stream": _tokens(spans_of(lambda: traffic.async_stream(1, nullcontext))),
        "response": _tokens(spans_of(lambda: traffic.respond(1, nullcontext))),
        "first chunk": _named(stream, _is_first_chunk) or any(map(_is_first_chunk, metrics)),
        "cost": _named(call, lambda name: "cost" in name),
        "metrics": metrics,
        "type kept": isinstance(_read(traffic.open_stream()), openai.Stream),
        "broken off": len(spans_of(_break_off)),
        "dropped": len(spans_of(traffic.open_stream)),
    }


def _tokens(spans: Iterable[ReadableSpan]) -> list[str]:
    """Return which of the token counts that were served are on the spans."""
    # on OpenTelemetry's attributes, or inside the JSON that is one
    found = {number for span in spans for value in (span.attributes or {}).values() for number in _numbers(value)}
    counts = {
        "input": traffic.INPUT,
        "output": traffic.OUTPUT,
        "cached": traffic.CACHED,
        "reasoning": traffic.REASONING,
    }
    return [name for name, count in counts.items() if count in found]


def _numbers(value: Any) -> Iterable[float]:
    if isinstance(value, int | float):
        yield value
    elif isinstance(value, str) and value[:1] in "{[":
        try:
            yield from _inside(json.loads(value))
        except ValueError:  # a text that only looks like JSON
            return


def _inside(value: Any) -> Iterable[float]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _inside(item)
    elif isinstance(value, int | float):
        yield value


def _named(spans: Iterable[ReadableSpan], fits: Callable[[str], bool]) -> bool:
    return any(fits(name) and value for span in spans for name, value in (span.attributes or {}).items())


def _is_first_chunk(name: str) -> bool:
    return "first" in name or "ttft" in name


def _read(stream: Any) -> Any:
    for _ in stream:
        pass
    return stream


def _break_off() -> None:
    for _ in traffic.open_stream():
        break
