"""LiteLLM's callback for OpenTelemetry: the conventions' messages, with the provider's tool calls in between.

Its second span, `raw_gen_ai_request`, repeats the request as the provider got it, and is not read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from otel_llm import names
from otel_llm.genai.call import Message, Part
from otel_llm.genai.dialects import genai, openllmetry
from otel_llm.genai.dialects.dialect import CallContent, Dialect, Fields
from otel_llm.genai.operations import Kind
from otel_llm.otlp.attributes import Attributes

_OPERATIONS: Final = {
    "completion": names.CHAT,
    "responses": names.CHAT,
    "anthropic_messages": names.CHAT,
    "text_completion": names.TEXT_COMPLETION,
    "generate_content": "generate_content",
    "generate_content_stream": "generate_content",
}
"""LiteLLM's names of its functions, which it writes as the operation; asynchronous ones begin with an `a`."""

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
    operation = _OPERATIONS.get(said) or _OPERATIONS.get(said.removeprefix("a"))
    return ("call", operation) if operation else genai.kind_and_operation(attributes, FIELDS)


def _read_content(attributes: Attributes, _events: Sequence[Any]) -> CallContent:
    content = openllmetry.read_content(attributes)
    return replace(content, output=_with_calls(content.output, attributes))


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
