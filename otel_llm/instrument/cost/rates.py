"""What a model's tokens cost: plain numbers, quick enough for the caller's path."""

from __future__ import annotations

from dataclasses import dataclass

from otel_llm.instrument.contract.data import Modalities, Usage

_PER_TOKENS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """A model's prices in USD per million tokens. One that is None: as the tokens that these are a part of."""

    input_mtok: float = 0.0
    output_mtok: float = 0.0
    cache_read_mtok: float | None = None
    cache_write_mtok: float | None = None
    reasoning_mtok: float | None = None
    input_audio_mtok: float | None = None
    input_image_mtok: float | None = None
    cache_read_audio_mtok: float | None = None
    cache_read_image_mtok: float | None = None
    output_audio_mtok: float | None = None
    output_image_mtok: float | None = None
    request_usd: float = 0.0
    """For each call, beside its tokens."""
    above: tuple[tuple[int, Rates], ...] = ()
    """The prices of calls with more input tokens than that, the highest first, for all of a call's tokens."""

    def cost(self, usage: Usage) -> float | None:
        """Return the cost in USD, or None: no tokens were reported, or the counts contradict each other.

        Each token is paid once, at the price of the smallest part that it belongs to.

        Source: genai-prices 0.2.3, `decompose.py` and `calc_unit_price`, which the tests compare this with.
        """
        asked, answered = usage.input_tokens, usage.output_tokens
        if asked is None or answered is None:
            if asked is answered or _has_parts(usage, asked is None, answered is None):
                return None
            asked, answered = asked or 0, answered or 0
        for start, rates in self.above:
            if asked > start:
                return rates.cost(usage)
        read, write, reasoning = usage.cache_read_tokens or 0, usage.cache_write_tokens or 0, 0
        total = 0.0
        if usage.modalities is not None and self._prices_media():
            media = self._media(usage.modalities, read)
            if media is None:
                return None
            total, fresh, cached, said = media
            asked, answered = asked - fresh - cached, answered - said
            read -= cached
        if self.cache_read_mtok is not None:
            asked -= read
            total += read * self.cache_read_mtok
        if self.cache_write_mtok is not None:
            asked -= write
            total += write * self.cache_write_mtok
        if self.reasoning_mtok is not None:
            reasoning = usage.reasoning_tokens or 0
            answered -= reasoning
            total += reasoning * self.reasoning_mtok
        if asked < 0 or answered < 0 or read < 0 or write < 0 or reasoning < 0:
            return None
        return (total + asked * self.input_mtok + answered * self.output_mtok) / _PER_TOKENS + self.request_usd

    def _prices_media(self) -> bool:
        return not (
            self.input_audio_mtok is None
            and self.input_image_mtok is None
            and self.output_audio_mtok is None
            and self.output_image_mtok is None
        )

    def _media(self, modalities: Modalities, read: int) -> tuple[float, int, int, int] | None:
        """Return what is paid for tokens that are not text, and how many of these are fresh, cached and answered.

        None where some input is cached, and nobody said whether it is text.
        """
        total, fresh, cached, said = 0.0, 0, 0, 0
        for count, cached_count, rate, cached_rate in (
            (
                modalities.input_audio_tokens,
                modalities.cache_read_audio_tokens,
                self.input_audio_mtok,
                self.cache_read_audio_mtok,
            ),
            (
                modalities.input_image_tokens,
                modalities.cache_read_image_tokens,
                self.input_image_mtok,
                self.cache_read_image_mtok,
            ),
        ):
            if rate is None:
                continue
            held, held_cached = count or 0, 0
            if self.cache_read_mtok is not None:
                if cached_count is None and held and read:
                    return None
                held_cached = cached_count or 0
                cached += held_cached
                total += held_cached * (self.cache_read_mtok if cached_rate is None else cached_rate)
            if not 0 <= held_cached <= held:
                return None
            fresh += held - held_cached
            total += (held - held_cached) * rate
        for count, rate in (
            (modalities.output_audio_tokens, self.output_audio_mtok),
            (modalities.output_image_tokens, self.output_image_mtok),
        ):
            if rate is not None and count:
                if count < 0:
                    return None
                said += count
                total += count * rate
        return total, fresh, cached, said


def _has_parts(usage: Usage, of_input: bool, of_output: bool) -> bool:
    """Return whether parts are counted of a side whose whole is not."""
    held = usage.modalities or Modalities()
    asked = (usage.cache_read_tokens, usage.cache_write_tokens, held.input_audio_tokens, held.input_image_tokens)
    answered = (usage.reasoning_tokens, held.output_audio_tokens, held.output_image_tokens)
    return (of_input and any(asked)) or (of_output and any(answered))
