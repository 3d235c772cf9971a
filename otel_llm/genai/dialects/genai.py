"""The current GenAI conventions, since 1.37: content is JSON text or structured, on the span."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from otel_llm import names
from otel_llm.genai.dialects.dialect import CallContent, Dialect, Fields
from otel_llm.genai.documents import read_documents
from otel_llm.genai.messages import read_attribute, read_instructions
from otel_llm.genai.operations import Kind, is_around_calls, is_other
from otel_llm.genai.problems import Problems, Source
from otel_llm.otlp.attributes import Attributes

_CONTEXT: Final = ("gen_ai.retrieval.documents", "gen_ai.tool.call.result")

FIELDS: Final = Fields(
    provider=(names.PROVIDER,),
    request_model=(names.REQUEST_MODEL,),
    response_model=(names.RESPONSE_MODEL,),
    response_id=(names.RESPONSE_ID,),
    input=(names.INPUT_MESSAGES,),
    output=(names.OUTPUT_MESSAGES,),
    system=(names.SYSTEM_INSTRUCTIONS,),
    documents=(names.DOCUMENTS,),
    logprobs=(names.RESPONSE_LOGPROBS,),
    input_tokens=(names.USAGE_INPUT_TOKENS,),
    output_tokens=(names.USAGE_OUTPUT_TOKENS,),
    cost_usd=(names.USAGE_COST,),
    time_to_first_chunk_s=(names.RESPONSE_TIME_TO_FIRST_CHUNK,),
    stream=(names.REQUEST_STREAM,),
    conversation_id=(names.CONVERSATION_ID,),
    user_id=(names.USER_ID,),
    prompt_name=(names.PROMPT_NAME,),
    prompt_version=(names.PROMPT_VERSION,),
    error_type=(names.ERROR_TYPE,),
)


def kind_and_operation(attributes: Attributes, fields: Fields = FIELDS) -> tuple[Kind, str]:
    """Return the kind of a span by its operation; if that is unknown or not there, by what else the span has."""
    operation = attributes.text(names.OPERATION) or ""
    if operation in names.TEXT_INFERENCES:
        return "call", operation
    if any(name in attributes for name in _CONTEXT):
        return "context", operation
    if is_other(operation) or is_around_calls(attributes):
        return "other", operation
    if fields.show_a_call(attributes):
        return "call", operation or names.CHAT
    return "unknown" if operation else "other", operation


def read_content(attributes: Attributes, _events: Sequence[Any] = ()) -> CallContent:
    """Return the content of a call, as far as it can be read."""
    problems = Problems()
    instructions = Source(names.SYSTEM_INSTRUCTIONS, "system", problems)
    return CallContent(
        input=read_attribute(attributes, names.INPUT_MESSAGES, "input", problems),
        output=read_attribute(attributes, names.OUTPUT_MESSAGES, "output", problems),
        system=read_instructions(attributes.plain(names.SYSTEM_INSTRUCTIONS), instructions),
        problems=problems.found(),
    )


def _read_documents(attributes: Attributes) -> tuple[str, ...]:
    return tuple(text for name in _CONTEXT for text in read_documents(attributes.plain(name)))


DIALECT: Final = Dialect(
    name="genai",
    libraries="the OpenTelemetry GenAI conventions since 1.37, and otel-llm itself",
    marker=b"gen_ai.",
    signs=(names.OPERATION, *_CONTEXT, names.INPUT_MESSAGES, names.OUTPUT_MESSAGES, names.REQUEST_MODEL),
    fields=FIELDS,
    context=_CONTEXT,
    kind_and_operation=kind_and_operation,
    read_content=read_content,
    read_documents=_read_documents,
)
