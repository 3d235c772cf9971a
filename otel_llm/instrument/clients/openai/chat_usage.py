"""The usage of chat completions, and of completions before chat, as OpenAI and compatible providers report it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from otel_llm.instrument.clients.formats.fields import count_of, counts_of, fields_of, number, price_conditions
from otel_llm.instrument.clients.formats.reported_cost import reported_cost
from otel_llm.instrument.contract import units
from otel_llm.instrument.contract.usage import Unit, Usage


class StreamedUsage:
    """The usage of a stream. Some servers report the sum so far with each chunk: the last counts."""

    __slots__ = ("_usage",)

    def __init__(self) -> None:
        self._usage: Any = None

    def add(self, usage: Any) -> None:
        """Add a reported usage. Some servers end with zeros, which do not replace counts."""
        if self._usage is None or _has_counts(usage):
            self._usage = usage

    def add_of_choice(self, choice: Mapping[str, Any]) -> None:
        """Add the usage in a choice, where Moonshot reports it."""
        if (usage := choice.get("usage")) is not None:
            self.add(usage)

    def add_of_groq(self, chunk: Any) -> None:
        """Add the usage that Groq puts into a stream's last chunk without being asked.

        Source: https://console.groq.com/docs/api-reference, chat completion chunk, `x_groq`.
        """
        if self._usage is None and (usage := fields_of(fields_of(chunk).get("x_groq")).get("usage")) is not None:
            self.add(usage)

    def read(self, service_tier: str | None = None) -> Usage | None:
        """Return the usage; None if none was reported."""
        return read_usage(self._usage, service_tier)


def read_usage(usage: Any, service_tier: str | None = None) -> Usage | None:
    """Return the usage of an answer; None if none was reported."""
    held = fields_of(usage)
    if not held:
        return None
    asked, answered = (
        fields_of(held.get("prompt_tokens_details")),
        fields_of(held.get("completion_tokens_details")),
    )
    prompt, answer, *beside = counts_of(
        held, "prompt_tokens", "completion_tokens", "prompt_cache_hit_tokens", "cached_tokens"
    )
    if prompt is None and answer is None:  # some servers have the names of Responses
        prompt, answer = counts_of(held, "input_tokens", "output_tokens")
    cached, written = counts_of(asked, "cached_tokens", "cache_write_tokens")
    (reasoning,) = counts_of(answered, "reasoning_tokens")
    if cached is None:
        # Some providers report the count outside the details. Source: https://api-docs.deepseek.com/guides/kv_cache;
        # Together's and Moonshot's answers have `cached_tokens`.
        cached = beside[1] if beside[0] is None else beside[0]
    counts = {
        units.INPUT_TOKENS: prompt,
        units.OUTPUT_TOKENS: _output_tokens(held, prompt, answer, reasoning) if reasoning else answer,
        units.CACHE_READ_TOKENS: cached,
        units.CACHE_WRITE_TOKENS: written,
        units.REASONING_TOKENS: reasoning,
    }
    if asked.get("audio_tokens") or answered.get("audio_tokens") or asked.get("image_tokens"):
        counts |= _count_modalities(asked, answered)
    return Usage(counts, price_conditions(service_tier), reported_cost(held))


def _has_counts(usage: Any) -> bool:
    return any(number(count) for count in fields_of(usage).values())


def _output_tokens(held: Mapping[str, Any], asked: int | None, answered: int | None, reasoning: int) -> int | None:
    """Return the tokens of the answer, including reasoning.

    xAI leaves reasoning out of the completion's tokens, and includes it only in the total
    (https://docs.x.ai/docs/key-information/consumption-and-rate-limits, read in November 2026).
    """
    if answered is None or asked is None:
        return answered
    return answered + reasoning if held.get("total_tokens") == asked + answered + reasoning else answered


def _count_modalities(asked: Mapping[str, Any], answered: Mapping[str, Any]) -> dict[Unit, int | None]:
    return {
        units.INPUT_TEXT_TOKENS: count_of(asked.get("text_tokens")),
        units.INPUT_AUDIO_TOKENS: count_of(asked.get("audio_tokens")),
        units.INPUT_IMAGE_TOKENS: count_of(asked.get("image_tokens")),
        units.OUTPUT_TEXT_TOKENS: count_of(answered.get("text_tokens")),
        units.OUTPUT_AUDIO_TOKENS: count_of(answered.get("audio_tokens")),
    }
