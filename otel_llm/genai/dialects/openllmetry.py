"""OpenLLMetry: `gen_ai.prompt.N.*` and `gen_ai.completion.N.*`; newer versions write the conventions' messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from otel_llm import names
from otel_llm.genai.call import Message, Part
from otel_llm.genai.dialects import genai
from otel_llm.genai.dialects.dialect import CallContent, Dialect, Fields
from otel_llm.genai.documents import read_documents
from otel_llm.genai.messages import parts_in_text
from otel_llm.genai.operations import Kind, is_other
from otel_llm.genai.problems import Problems, Side, Source
from otel_llm.genai.roles import known_role, role_of
from otel_llm.names.finish_reasons import finish_reason_of
from otel_llm.otlp.attributes import Attributes

REQUEST_TYPE: Final = "llm.request.type"
SPAN_KIND: Final = "traceloop.span.kind"
_OUTPUT: Final = "traceloop.entity.output"
_ENTITY: Final = "traceloop.entity.name"
_OPERATIONS: Final = {"chat": names.CHAT, "completion": names.TEXT_COMPLETION}

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


def _read_indexed(attributes: Attributes, prefix: str, side: Side, problems: Problems) -> tuple[Message, ...]:
    """Return the messages of `prefix.N.role`, `prefix.N.content`, `prefix.N.tool_calls.M.name` and so on."""
    source = Source(f"{prefix}.N.content", side, problems)
    return tuple(_message(item, source) for item in attributes.indexed(prefix))


def _message(item: Attributes, source: Source) -> Message:
    role, content = role_of(item.text("role") or source.role), item.text("content")
    if content is None:  # its spans of completions have the text under the role: `gen_ai.prompt.0.user`
        named = next((name for name in item if known_role(name) and item.text(name)), "")
        role, content = (role_of(named), item.text(named)) if named else (role, None)
    calls = tuple(
        Part("tool_call", call.text("arguments") or "", call.text("name") or "")
        for call in item.indexed("tool_calls")
    )
    return Message(
        role,
        (*(parts_in_text(content, role, source) if content else ()), *calls),
        finish_reason_of(item.text("finish_reason")),
    )


def _kind_and_operation(attributes: Attributes) -> tuple[Kind, str]:
    said = attributes.text(REQUEST_TYPE) or ""
    if names.OPERATION not in attributes and (operation := _OPERATIONS.get(said)):
        return "call", operation
    if _OUTPUT in attributes and _gives_documents(attributes):
        return "context", attributes.text(SPAN_KIND) or ""
    kind, operation = genai.kind_and_operation(attributes, FIELDS)
    if kind == "call" and is_other(said):
        return "other", said
    if kind in {"other", "unknown"} and said in _OPERATIONS and not is_other(operation):
        return "call", _OPERATIONS[said]
    return kind, operation or said or attributes.text(SPAN_KIND) or ""


def _gives_documents(attributes: Attributes) -> bool:
    # retrievals have no kind: they are tasks, which LangChain and LlamaIndex name after the class
    match attributes.text(SPAN_KIND):
        case "tool":
            return True
        case "task":
            return "retriev" in (attributes.text(_ENTITY) or "").lower()
    return False


def read_content(attributes: Attributes, _events: Sequence[Any] = ()) -> CallContent:
    """Return the content of a call, as far as it can be read."""
    content, problems = genai.read_content(attributes), Problems()
    return CallContent(
        input=content.input or _read_indexed(attributes, "gen_ai.prompt", "input", problems),
        output=content.output or _read_indexed(attributes, "gen_ai.completion", "output", problems),
        system=content.system,
        problems=content.problems + problems.found(),
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
