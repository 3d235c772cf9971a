"""The model `scripted`: no model at all, but answers and faults by rule, for tests and demonstrations."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Final

from otel_llm.serve.api_error import ApiError
from otel_llm.serve.model import Delta, End, Piece, StreamBroken, TokenCounts
from otel_llm.serve.request import ChatRequest, refuse
from otel_llm.serve.script import Rule, Script

# Fields that the answer would have to carry and does not. What only asks for another text (tools, a response
# format) is accepted: the script decides what is answered.
_REFUSED: Final = (
    "logprobs", "top_logprobs", "functions", "function_call", "audio", "modalities", "web_search_options",
)  # fmt: skip

_WORD: Final = re.compile(r"\s*\S+(?:\s+\Z)?|\s+\Z")


class ScriptedModel:
    """Answers by the rules of a script. It does no work, so it has as many slots as there are requests."""

    id = "scripted"
    owned_by = "otel-llm (scripted)"
    headers: Mapping[str, str] = {"x-otel-llm-scripted": "true"}

    def __init__(self, script: Script, slots: AbstractAsyncContextManager[None] | None = None) -> None:
        self._script = script
        self.slots: AbstractAsyncContextManager[None] = slots or nullcontext()

    def check(self, request: ChatRequest) -> None:
        """Refuse what no script can answer."""
        refuse(request, _REFUSED, self.id)

    async def generate(self, request: ChatRequest, choice: int) -> AsyncGenerator[Piece, None]:
        """Yield the answer of the rule for the last user message, word by word; all choices are the same."""
        rule = self._script.rule_for(request.last_user_text)
        await asyncio.sleep(rule.delay_s)
        if rule.status is not None:
            error = rule.error
            raise ApiError(rule.status, error.message, type=error.type, param=error.param, code=error.code)
        words, reason = _limited(rule, request)
        for number, word in enumerate(words):
            if number == rule.break_after_chunks:
                raise StreamBroken("".join(words[number:]))
            if number and request.stream:
                await asyncio.sleep(rule.chunk_delay_s)
            yield Delta(word)
        if rule.break_after_chunks is not None:
            raise StreamBroken("")
        yield End(reason, _count(rule, request, len(words)))

    def close(self) -> None:
        """Nothing to free."""


def split_words(text: str) -> list[str]:
    """Return the text cut before each word but the first; joined, the pieces are the text again."""
    return _WORD.findall(text)


def _limited(rule: Rule, request: ChatRequest) -> tuple[list[str], str]:
    answer = rule.answer
    for stop in request.stop_sequences:
        answer = answer.partition(stop)[0]
    words = split_words(answer)
    limit = request.token_limit
    cut = limit is not None and len(words) > limit
    return words[:limit], rule.finish_reason or ("length" if cut else "stop")


def _count(rule: Rule, request: ChatRequest, words: int) -> TokenCounts:
    usage = rule.usage
    prompt = sum(len(message.text.split()) for message in request.messages)
    return TokenCounts(
        prompt=prompt if usage.prompt_tokens is None else usage.prompt_tokens,
        completion=words if usage.completion_tokens is None else usage.completion_tokens,
        cached=usage.cached_tokens,
        reasoning=usage.reasoning_tokens,
    )
