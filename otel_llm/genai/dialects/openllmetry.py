"""OpenLLMetry: `gen_ai.prompt.N.*` and `gen_ai.completion.N.*`; newer versions write the conventions' messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from otel_llm import names
from otel_llm.genai.call import Message, Part
from otel_llm.genai.chat_messages import parts_in_text
from otel_llm.genai.dialects import genai
from otel_llm.genai.dialects.dialect import CallContent, Dialect, Fields, Kind
from otel_llm.genai.documents import read_documents
from otel_llm.names.finish_reasons import finish_reason_of
from otel_llm.otlp.attributes import Attributes

REQUEST_TYPE: Final = "llm.request.type"
SPAN_KIND: Final = "traceloop.span.kind"
_OUTPUT: Final = "traceloop.entity.output"
_ENTITY: Final = "traceloop.entity.name"
_OPERATIONS: Final = {"chat": "chat", "completion": "text_completion"}

FIELDS: Final = Fields(
    provider=(names.PROVIDER, "gen_ai.system"),
    request_model=(names.REQUEST_MODEL,),
    response_model=(names.RESPONSE_MODEL,),
    response_id=(names.RESPONSE_ID,),
    input=(
        names.INPUT_MESSAGES,
        "gen_ai.prompt.N.role",
        "gen_ai.prompt.N.content",
        "gen_ai.prompt.N.tool_calls.N.*",
    ),
    output=(
        names.OUTPUT_MESSAGES,
        "gen_ai.completion.N.role",
        "gen_ai.completion.N.content",
        "gen_ai.completion.N.tool_calls.N.*",
    ),
    system=(names.SYSTEM_INSTRUCTIONS,),
    input_tokens=(names.USAGE_INPUT_TOKENS, "gen_ai.usage.prompt_tokens"),
    output_tokens=(names.USAGE_OUTPUT_TOKENS, "gen_ai.usage.completion_tokens"),
    time_to_first_chunk_s=(names.RESPONSE_TIME_TO_FIRST_CHUNK,),
    stream=("gen_ai.is_streaming", "llm.is_streaming", names.REQUEST_STREAM),
    conversation_id=(names.CONVERSATION_ID, "traceloop.association.properties.session_id", "session.id"),
    user_id=(names.USER_ID, "gen_ai.user", "llm.user", "traceloop.association.properties.user_id"),
    prompt_name=(names.PROMPT_NAME, "traceloop.prompt.key"),
    prompt_version=(names.PROMPT_VERSION, "traceloop.prompt.version"),
)


def read_indexed(attributes: Attributes, prefix: str, role: str) -> tuple[Message, ...]:
    """Return the messages of `prefix.N.role`, `prefix.N.content`, `prefix.N.tool_calls.M.name` and so on.

    Args:
        attributes: the attributes of the span.
        prefix: the part of the names before the number.
        role: the role of a message without one.
    """
    return tuple(_message(item, role) for item in attributes.indexed(prefix))


def _message(item: Attributes, default_role: str) -> Message:
    role = item.text("role") or default_role
    content = item.text("content")
    calls = tuple(
        Part("tool_call", call.text("arguments") or "", call.text("name") or "")
        for call in item.indexed("tool_calls")
    )
    return Message(
        role,
        (*(parts_in_text(content, role) if content else ()), *calls),
        finish_reason_of(item.text("finish_reason")),
    )


def _kind_and_operation(attributes: Attributes) -> tuple[Kind, str]:
    if names.OPERATION in attributes:
        by_operation = genai.kind_and_operation(attributes)
        if by_operation[0] != "other":
            return by_operation
    if operation := _OPERATIONS.get(attributes.text(REQUEST_TYPE) or ""):
        return "call", operation
    return ("context", "") if _OUTPUT in attributes and _gives_documents(attributes) else ("other", "")


def _gives_documents(attributes: Attributes) -> bool:
    # retrievals have no kind: they are tasks, which LangChain and LlamaIndex name after the class
    match attributes.text(SPAN_KIND):
        case "tool":
            return True
        case "task":
            return "retriev" in (attributes.text(_ENTITY) or "").lower()
    return False


def read_content(attributes: Attributes, _events: Sequence[Any] = ()) -> CallContent:
    """Return the content of a call.

    Raises:
        DecodeError: a structured attribute is malformed; the message names the attribute.
    """
    content = genai.read_content(attributes)
    return CallContent(
        input=content.input or read_indexed(attributes, "gen_ai.prompt", "user"),
        output=content.output or read_indexed(attributes, "gen_ai.completion", "assistant"),
        system=content.system,
    )


def _read_documents(attributes: Attributes) -> tuple[str, ...]:
    return (*genai.DIALECT.read_documents(attributes), *read_documents(attributes.plain(_OUTPUT)))


DIALECT: Final = Dialect(
    name="openllmetry",
    libraries="OpenLLMetry (Traceloop)",
    marker=b"traceloop.",
    signs=(SPAN_KIND, REQUEST_TYPE, "gen_ai.is_streaming", "traceloop.workflow.name"),
    fields=FIELDS,
    context=(_OUTPUT, *genai.DIALECT.context),
    kind_and_operation=_kind_and_operation,
    read_content=read_content,
    read_documents=_read_documents,
)
