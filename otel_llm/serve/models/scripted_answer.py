"""The answer of a rule to a request for text: pieces, as a model would generate them."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Final

from otel_llm.serve.models.model import Delta, End, Token, TokenCounts, ToolCallDelta
from otel_llm.serve.models.request import ChatRequest
from otel_llm.serve.models.script import ScriptedToolCall, ScriptRule

_WORD: Final = re.compile(r"\s*\S+(?:\s+\Z)?|\s+\Z")


@dataclass(frozen=True, slots=True)
class ScriptedAnswer:
    """One answer."""

    pieces: list[Delta | ToolCallDelta]
    """Pieces: reasoning, text and refusal word by word, then the tool calls."""
    end: End


def scripted_answer(rule: ScriptRule, request: ChatRequest) -> ScriptedAnswer:
    """Return a rule's answer, within the request's limit and stop sequences."""
    words, limited = _limited(rule.text, request)
    reasoning = split_words(rule.reasoning or "")
    pieces: list[Delta | ToolCallDelta] = [Delta(word, "reasoning") for word in reasoning]
    pieces += _with_logprobs(words, rule.logprobs) if request.logprobs else [Delta(word) for word in words]
    pieces += [Delta(word, "refusal") for word in split_words(rule.refusal or "")]
    for index, call in enumerate(rule.tool_calls):
        pieces += _tool_call(index, call)
    reason = "length" if limited else "tool_calls" if rule.tool_calls else "stop"
    counts = _count(rule, request, completion=len(pieces), reasoning=len(reasoning))
    return ScriptedAnswer(pieces, End(rule.finish_reason or reason, counts))


def split_words(text: str) -> list[str]:
    """Return the text, cut before each word except the first; the joined pieces are the text."""
    return _WORD.findall(text)


def _with_logprobs(words: Sequence[str], logprobs: Sequence[float]) -> list[Delta]:
    return [
        Delta(word, tokens=(Token(word, word.encode(), logprob),))
        for word, logprob in zip(words, chain(logprobs, repeat(0.0)), strict=False)
    ]


def _limited(answer: str, request: ChatRequest) -> tuple[list[str], bool]:
    for stop in request.stop_sequences:
        answer = answer.partition(stop)[0]
    words = split_words(answer)
    limit = request.token_limit
    return words[:limit], limit is not None and len(words) > limit


def _tool_call(index: int, call: ScriptedToolCall) -> list[ToolCallDelta]:
    custom = call.input is not None
    arguments = call.arguments if isinstance(call.arguments, str) else json.dumps(call.arguments)
    texts = split_words(arguments if call.input is None else call.input)
    call_id = f"call_{secrets.token_hex(12)}"
    return [ToolCallDelta(index, call_id, call.name, text, custom) for text in texts or [""]]


def _count(rule: ScriptRule, request: ChatRequest, *, completion: int, reasoning: int) -> TokenCounts:
    usage = rule.usage
    prompt = sum(len(message.text.split()) for message in request.messages)
    return TokenCounts(
        prompt=prompt if usage.prompt_tokens is None else usage.prompt_tokens,
        completion=completion if usage.completion_tokens is None else usage.completion_tokens,
        cached=usage.cached_tokens,
        cache_write=usage.cache_write_tokens,
        prompt_audio=usage.prompt_audio_tokens,
        prompt_image=usage.prompt_image_tokens,
        completion_audio=usage.completion_audio_tokens,
        reasoning=reasoning if usage.reasoning_tokens is None else usage.reasoning_tokens,
    )
