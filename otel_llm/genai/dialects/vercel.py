"""Vercel's AI SDK: spans such as `ai.generateText.doGenerate` are the calls.

The span around a call, `ai.generateText`, repeats the last answer, and is not read: the answer would be evaluated
twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from otel_llm import names
from otel_llm.genai.call import Message, Part
from otel_llm.genai.dialects.dialect import CallContent, Dialect, Fields
from otel_llm.genai.documents import read_documents
from otel_llm.genai.json_text import load_value
from otel_llm.genai.messages import read_attribute
from otel_llm.genai.operations import Kind, is_other
from otel_llm.genai.parts import read_tool_calls
from otel_llm.genai.problems import Problems, Source
from otel_llm.names.finish_reasons import finish_reason_of
from otel_llm.otlp.attributes import Attributes

_OPERATION: Final = "ai.operationId"
_MESSAGES: Final = "ai.prompt.messages"
_TEXT, _OBJECT, _REASONING = "ai.response.text", "ai.response.object", "ai.response.reasoning"
_TOOL_CALLS: Final = "ai.response.toolCalls"
_FINISH_REASON: Final = "ai.response.finishReason"
_RESULT: Final = "ai.toolCall.result"
_CALLS: Final = (".doGenerate", ".doStream")

FIELDS: Final = Fields(
    provider=("ai.model.provider", "gen_ai.system"),
    request_model=("ai.model.id", names.REQUEST_MODEL),
    response_model=("ai.response.model", names.RESPONSE_MODEL),
    response_id=("ai.response.id", names.RESPONSE_ID),
    input=(_MESSAGES,),
    output=(_TEXT, _OBJECT, _REASONING, _TOOL_CALLS),
    input_tokens=("ai.usage.inputTokens", "ai.usage.promptTokens", names.USAGE_INPUT_TOKENS),
    output_tokens=("ai.usage.outputTokens", "ai.usage.completionTokens", names.USAGE_OUTPUT_TOKENS),
    time_to_first_chunk_ms=("ai.response.msToFirstChunk",),
    conversation_id=(
        "ai.telemetry.metadata.sessionId", "ai.telemetry.metadata.conversationId", names.CONVERSATION_ID,
    ),
    user_id=("ai.telemetry.metadata.userId", names.USER_ID),
    prompt_name=("ai.telemetry.functionId",),
)  # fmt: skip


def _kind_and_operation(attributes: Attributes) -> tuple[Kind, str]:
    operation = attributes.text(_OPERATION) or ""
    if operation == "ai.toolCall" and _RESULT in attributes:
        return "context", operation
    # what asks the provider is named `do…`; the span around it, and around its repetitions, is not
    asks = operation.rpartition(".")[2].startswith("do") and not is_other(operation)
    if asks and (operation.endswith(_CALLS) or FIELDS.show_a_call(attributes)):
        return "call", names.CHAT
    return "other", operation


def _is_stream(attributes: Attributes) -> bool:
    return (attributes.text(_OPERATION) or "").endswith(".doStream")


def _read_content(attributes: Attributes, _events: Sequence[Any]) -> CallContent:
    problems = Problems()
    calls = Source(_TOOL_CALLS, "output", problems)
    parts = (
        *(Part("reasoning", text) for text in [attributes.text(_REASONING)] if text),
        *(Part("text", text) for text in [attributes.text(_TEXT, _OBJECT)] if text),
        *read_tool_calls(load_value(attributes.plain(_TOOL_CALLS), calls), calls),
    )
    reason = finish_reason_of(attributes.text(_FINISH_REASON))
    return CallContent(
        input=read_attribute(attributes, _MESSAGES, "input", problems),
        output=(Message("assistant", parts, reason),) if parts else (),
        problems=problems.found(),
    )


def _read_documents(attributes: Attributes) -> tuple[str, ...]:
    return read_documents(attributes.plain(_RESULT))


DIALECT: Final = Dialect(
    name="vercel",
    libraries="Vercel's AI SDK",
    marker=b"ai.operationId",
    signs=(_OPERATION,),
    fields=FIELDS,
    context=(_RESULT,),
    kind_and_operation=_kind_and_operation,
    read_content=_read_content,
    read_documents=_read_documents,
    is_stream=_is_stream,
)
