"""Which spans are calls: a model is asked and answers in text, by whatever name.

The conventions' names of operations are few, and libraries add their own with every version. So an unknown name
says nothing, and a span is a call by its other signs, unless a word of the name says what else it is, or an
attribute says that the span is around calls: their content would be evaluated twice.
"""

from __future__ import annotations

import re
from typing import Final, Literal

from otel_llm import names
from otel_llm.otlp.attributes import Attributes

Kind = Literal["call", "context", "other", "unknown"]
"""`call`: to evaluate. `context`: a retrieval or tool with documents for the answers of its trace. `other`: an
embedding, an agent and the like. `unknown`: the operation is unknown, and nothing else shows a call."""

_WORDS: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_OTHER_WORDS: Final = frozenset({
    # what agents and frameworks do around calls
    "agent", "agents", "workflow", "chain", "graph", "crew", "team", "task", "tool", "tools", "function", "mcp",
    "loop", "cycle", "handoff", "plan", "planner", "planning", "thread", "runnable", "runtime", "guardrail",
    "guardrails", "evaluator", "router", "memory", "memories",
    # what models do beside answering in text
    "embed", "embedding", "embeddings", "rerank", "reranker", "ranking", "retrieve", "retrieval", "retriever",
    "search", "image", "images", "speech", "audio", "transcribe", "transcription", "video", "moderate",
    "moderation", "ocr", "realtime", "tokenize", "count",
    # what providers keep
    "batch", "file", "files", "store", "index", "upload", "tuning", "finetune", "finetuning", "assistants",
})  # fmt: skip
_AROUND_CALLS: Final = ("traceloop.span.kind", "pydantic_ai.all_messages", "all_messages_events", "final_result")
"""Attributes of spans around calls: OpenLLMetry's workflows and tasks, pydantic-ai's agents."""
_AGENT: Final = "gen_ai.agent.name"


def is_other(operation: str) -> bool:
    """Return True if a word of an operation's name says that it is no call, or one around calls.

    Names of asynchronous functions begin with an `a`, as LiteLLM writes them.

    >>> [is_other(name) for name in ("aresponses", "anthropic_messages", "invoke_agent", "aembedding", "doEmbed")]
    [False, False, True, True, True]
    """
    words = [word.lower() for word in _WORDS.findall(operation)]
    return any(word in _OTHER_WORDS or (word[0] == "a" and word[1:] in _OTHER_WORDS) for word in words)


def is_around_calls(attributes: Attributes) -> bool:
    """Return True if a span is of an agent, a workflow or the like, whose calls have spans of their own."""
    if any(name in attributes for name in _AROUND_CALLS):
        return True
    return _AGENT in attributes and names.REQUEST_MODEL not in attributes
