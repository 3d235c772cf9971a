"""LiteLLM's callback for OpenTelemetry: the conventions' messages, with the provider's tool calls in between.

Its second span, `raw_gen_ai_request`, repeats the request as the provider got it, and is not read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from otel_llm import names
from otel_llm.errors import DecodeError
from otel_llm.genai.call import Message, Part
from otel_llm.genai.chat_messages import read_chat_messages
from otel_llm.genai.dialects import genai, openllmetry
from otel_llm.genai.dialects.dialect import CallContent, Dialect, Fields, Kind
from otel_llm.otlp.attributes import Attributes

_OPERATIONS: Final = {
    "completion": "chat",
    "acompletion": "chat",
    "text_completion": "text_completion",
    "atext_completion": "text_completion",
}
"""LiteLLM's names of its functions, some of which it writes as the operation."""

FIELDS: Final = Fields(
    provider=(names.PROVIDER, "gen_ai.system"),
    request_model=(names.REQUEST_MODEL,),
    response_model=(names.RESPONSE_MODEL,),
    response_id=(names.RESPONSE_ID,),
    input=(names.INPUT_MESSAGES, "gen_ai.prompt.N.role", "gen_ai.prompt.N.content"),
    output=(
        names.OUTPUT_MESSAGES,
        "gen_ai.completion.N.role",
        "gen_ai.completion.N.content",
        "gen_ai.completion.N.function_call.*",
    ),
    system=(names.SYSTEM_INSTRUCTIONS,),
    input_tokens=(names.USAGE_INPUT_TOKENS, "gen_ai.usage.prompt_tokens"),
    output_tokens=(names.USAGE_OUTPUT_TOKENS, "gen_ai.usage.completion_tokens"),
    cost_usd=(names.USAGE_COST, "gen_ai.cost.total_cost"),
    stream=("llm.is_streaming",),
    user_id=(names.USER_ID, "llm.user"),
)


def _kind_and_operation(attributes: Attributes) -> tuple[Kind, str]:
    said = attributes.text(names.OPERATION) or attributes.text(openllmetry.REQUEST_TYPE) or ""
    operation = _OPERATIONS.get(said)
    return ("call", operation) if operation else genai.kind_and_operation(attributes)


def _read_content(attributes: Attributes, _events: Sequence[Any]) -> CallContent:
    prompts = openllmetry.read_indexed(attributes, "gen_ai.prompt", "user")
    answers = openllmetry.read_indexed(attributes, "gen_ai.completion", "assistant")
    output = read_chat_messages(attributes.structure(names.OUTPUT_MESSAGES), names.OUTPUT_MESSAGES)
    return CallContent(
        input=read_chat_messages(attributes.structure(names.INPUT_MESSAGES), names.INPUT_MESSAGES) or prompts,
        output=_with_calls(output or answers, attributes),
        system=_instructions(attributes),
    )


def _instructions(attributes: Attributes) -> str:
    """Return the system instructions, which LiteLLM writes as a text, as parts, or as messages."""
    try:
        value = attributes.structure(names.SYSTEM_INSTRUCTIONS)
    except DecodeError:
        return attributes.text(names.SYSTEM_INSTRUCTIONS) or ""
    if isinstance(value, str):
        return value
    items = value if isinstance(value, list) else [] if value is None else [value]
    messages = [item if isinstance(item, dict) and "parts" in item else {"parts": [item]} for item in items]
    read = read_chat_messages([{"role": "system"} | message for message in messages], names.SYSTEM_INSTRUCTIONS)
    return "\n".join(part.text for message in read for part in message.parts if part.type == "text")


def _with_calls(output: tuple[Message, ...], attributes: Attributes) -> tuple[Message, ...]:
    """Return the answers with the tool calls that LiteLLM writes beside them: all belong to the first answer."""
    calls = tuple(
        Part("tool_call", item.text("function_call.arguments") or "", name)
        for item in attributes.indexed("gen_ai.completion")
        if (name := item.text("function_call.name"))
    )
    if not calls or any(part.type == "tool_call" for message in output for part in message.parts):
        return output
    first, *others = output or (Message("assistant", ()),)
    return (replace(first, parts=first.parts + calls), *others)


DIALECT: Final = Dialect(
    name="litellm",
    libraries="LiteLLM's callback `otel`",
    marker=b"gen_ai.",
    signs=("litellm.call_id", "litellm.provider.model"),
    fields=FIELDS,
    kind_and_operation=_kind_and_operation,
    read_content=_read_content,
    read_documents=genai.DIALECT.read_documents,
)
