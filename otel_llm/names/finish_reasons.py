"""The conventions' word for the reason why an answer ended: one table for all providers, on spans sent and read.

Sources: the conventions' finish reasons (stop, length, content_filter, tool_call, compaction, error); the words of
the providers, from their API references and the types of their clients, read in November 2026.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

UNKNOWN_REASON: Final = "unknown"
"""The finish reason of an output message whose provider told none, such as that of a stream left early.

Not a word of the conventions, which deprecate the field. It stays, because Phoenix shows no answer of a span where
one message has no finish reason (Phoenix 20.26).
"""
FAILED: Final = "error"
"""The conventions' finish reason of an answer that failed."""

_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "stop": (
        "end_turn", "stop_sequence", "stop_sequences", "stop_token", "stop_tokens", "stop_criteria_met",
        "eos", "eos_token", "end_of_text", "endoftext", "complete", "completed", "finish", "finished", "normal",
    ),
    "length": (
        "max_tokens", "max_output_tokens", "max_completion_tokens", "max_new_tokens", "max_length", "max_len",
        "max_context", "model_length", "model_context_window_exceeded", "context_length_exceeded",
        "context_window_exceeded", "token_limit", "error_limit",
    ),
    "content_filter": (
        "content_filtered", "refusal", "guardrail_intervened", "safety", "sensitive", "recitation", "blocklist",
        "prohibited_content", "spii", "model_armor", "language", "error_toxic", "image_safety",
        "image_prohibited_content", "image_recitation",
    ),
    "tool_call": ("tool_calls", "tool_use", "function_call", "function_calls"),
    "error": (
        "malformed_function_call", "malformed_tool_use", "malformed_model_output", "unexpected_tool_call",
        "failed", "insufficient_system_resource", "network_error", "internal_error",
    ),
}  # fmt: skip
_REASONS: Final[Mapping[str, str]] = {
    word: reason for reason, words in _WORDS.items() for word in (reason, *words)
} | {"compaction": "compaction"}
# words of a field that has no value yet, while an answer is streamed
_NONE: Final = frozenset({"", "null", "none", "unspecified", "invalid", "not_finished"})
# the names of the enums of gRPC and Google's APIs: REASON_MAX_LEN, FinishReason.STOP, FINISH_REASON_UNSPECIFIED
_ENUM: Final = re.compile(r"(?:finish_?reason[._]|stop_?reason[._]|reason_)")
# the names of enums of .NET and Java: ToolCalls, maxTokens
_WORD_BEGINS: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")


def finish_reason_of(said: str | None) -> str | None:
    """Return the conventions' word for a provider's finish reason; None if the provider told none.

    A reason without such a word stays as it is: `pause_turn`, after which the answer goes on, is not a `stop`.
    """
    if said is None or said == "stop":
        return said
    word = _WORD_BEGINS.sub("_", said.strip()).lower().replace("-", "_").replace(" ", "_")
    word = word[found.end() :] if (found := _ENUM.match(word)) else word
    if word in _NONE:
        return None
    # Gemini's API for OpenAI's clients: "content_filter: PROHIBITED_CONTENT"
    first, _, rest = word.partition(":")
    return _REASONS.get(word) or _REASONS.get(rest.strip("_")) or _REASONS.get(first) or said
