"""The names of attributes that hold content of a call: one table for every dialect.

A name under a content prefix counts as content unless it is known to be something else: a field that an
instrumentation adds later is hidden rather than shown.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Sequence
from typing import Final

from otel_llm import names

Names = Callable[[str], bool]
"""Returns True for the names of the attributes that are meant."""

_PATTERNS: Final = (
    # the current conventions, and ours; some libraries flatten structures, as in gen_ai.input.messages.0.content
    *(
        rf"{re.escape(name)}(?:\..+)?"
        for name in (
            names.INPUT_MESSAGES,
            names.OUTPUT_MESSAGES,
            names.SYSTEM_INSTRUCTIONS,
            names.TOOL_DEFINITIONS,
            names.TOOL_CALL_ARGUMENTS,
            names.TOOL_CALL_RESULT,
            names.RETRIEVAL_QUERY_TEXT,
            names.RETRIEVAL_DOCUMENTS,
            names.EVALUATION_EXPLANATION,
            names.DOCUMENTS,
        )
    ),
    # the conventions before 1.37: on spans, and on the span events gen_ai.content.prompt and .completion
    r"gen_ai\.(?:prompt|completion)",
    r"gen_ai\.event\.content",
    # OpenLLMetry, and LiteLLM: gen_ai.prompt.0.content, gen_ai.completion.0.tool_calls.0.arguments
    r"gen_ai\.(?:prompt|completion)\.\d+\.(?!(?:.*\.)?(?:role|finish_reason|id|tool_call_id|name|type)$).+",
    r"llm\.completions(?:\.\d+\.(?!(?:role|finish_reason)$).+)?",
    r"llm\.request\.functions(?:\.(?!\d+\.name$).+)?",
    r"traceloop\.entity\.(?:input|output)(?:\..+)?",
    r"db\.query\.result\.(?:document|metadata)",
    # LiteLLM's span of the raw request: llm.openai.messages, llm.anthropic.system
    r"llm\.(?!(?:token_count|cost|usage)\.|request\.functions\.)\w+\.(?:messages|choices|input|output|prompt|prompts|text|tools|functions|system|content|contents"
    r"|candidates|extra_body|instructions|system_instruction|documents|results?|response|raw_request|raw_response)(?:\..+)?",
    # OpenInference: llm.input_messages.0.message.content, retrieval.documents.0.document.content
    r"(?:input|output)\.value",
    r"llm\.(?:input|output)_messages(?:\.(?!(?:.*\.)?(?:role|tool_call\.id|tool_call_id|function\.name|type)$).+)?",
    r"llm\.(?:prompts|choices|tools|function_call)(?:\..+)?",
    r"llm\.prompt_template\.(?:template|variables)",
    r"retrieval\.documents(?:\.(?!\d+\.document\.(?:id|score)$).+)?",
    r"reranker\.(?:query|(?:input|output)_documents(?:\.(?!\d+\.document\.(?:id|score)$).+)?)",
    r"embedding\.(?:text|embeddings\.\d+\.embedding\.text)",
    r"document\.(?:content|metadata)",
    r"tool\.(?:parameters|json_schema|output|result)(?:\..+)?",
    r"tool_call\.function\.arguments",
    # Vercel's AI SDK: ai.prompt.messages, ai.response.text, ai.toolCall.args; ai.result.* before its version 4
    r"ai\.prompt(?:\.(?!(?:format|toolChoice)$).+)?",
    r"ai\.(?:response|result)\.(?:text|object|toolCalls|reasoning|files|sources|content)(?:\..+)?",
    r"ai\.toolCall\.(?:args|result|input|output)(?:\..+)?",
    r"ai\.(?:value|values|documents)(?:\..+)?",
    # Pydantic AI, Langfuse, MLflow: libraries whose spans are read as those of the conventions
    r"(?:pydantic_ai\.)?(?:all_messages(?:_events)?|final_result|tool_arguments|tool_response)",
    r"langfuse\.(?:observation|trace)\.(?:input|output)",
    r"mlflow\.span(?:Inputs|Outputs)",
)
_CONTENT: Final = re.compile("|".join(_PATTERNS), re.DOTALL)

_CONTENT_EVENTS: Final = ("gen_ai.", "memory.")
"""Prefixes of the names of events whose body is content: gen_ai.choice, and memory.query of strands-agents."""
_NO_CONTENT_OF_EVENTS: Final = frozenset({"role", "index", "finish_reason", "id", "name", "type"})


def is_content(attribute: str) -> bool:
    """Return True if an attribute of that name is content, on a span, a span event or a log record."""
    return _CONTENT.fullmatch(attribute) is not None


def no_names(_attribute: str) -> bool:
    """Return False: no attribute is content."""
    return False


def names_like(patterns: Sequence[str]) -> Names:
    """Return a function that is True for names that match a pattern, as for file names; case counts."""
    if not patterns:
        return no_names
    like = re.compile("|".join(map(fnmatch.translate, patterns)))
    return lambda attribute: like.match(attribute) is not None


def is_content_of(event: str, attribute: str) -> bool:
    """Return True if an attribute of a span event or a log record with that event name is content.

    The fields of a message, such as `content`, are attributes of their own in some libraries.
    """
    if is_content(attribute):
        return True
    return has_content_body(event) and "." not in attribute and attribute not in _NO_CONTENT_OF_EVENTS


def has_content_body(event: str) -> bool:
    """Return True if the body of a log record with that event name is content."""
    return event.startswith(_CONTENT_EVENTS)
