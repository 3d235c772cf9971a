"""OpenInference (Arize Phoenix): every list is spread over numbered attributes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from otel_llm import names
from otel_llm.errors import DecodeError
from otel_llm.genai.call import Message, Part
from otel_llm.genai.dialects import genai
from otel_llm.genai.dialects.dialect import CallContent, Dialect, Fields
from otel_llm.genai.documents import read_documents
from otel_llm.genai.messages import messages_in_json
from otel_llm.genai.operations import Kind
from otel_llm.genai.problems import Problems, Source
from otel_llm.genai.roles import role_of
from otel_llm.names.finish_reasons import finish_reason_of
from otel_llm.otlp.attributes import Attributes

_INPUT, _OUTPUT = "llm.input_messages", "llm.output_messages"
_OTHER_KINDS: Final = frozenset({"chain", "agent", "tool", "embedding", "guardrail", "evaluator", "prompt"})
_PROMPTS, _COMPLETIONS = "llm.prompts", "llm.choices"
_RETRIEVED, _RERANKED, _RESULT = "retrieval.documents", "reranker.output_documents", "output.value"

FIELDS: Final = Fields(
    provider=("llm.provider", "llm.system", names.PROVIDER),
    request_model=(names.OPENINFERENCE_MODEL, names.REQUEST_MODEL),
    response_model=(names.RESPONSE_MODEL,),
    response_id=(names.RESPONSE_ID,),
    input=(
        "llm.input_messages.N.message.role",
        "llm.input_messages.N.message.content",
        "llm.input_messages.N.message.contents.N.message_content.*",
        "llm.input_messages.N.message.tool_calls.N.tool_call.*",
        "llm.prompts.N.prompt.text",
        "input.value",
    ),
    output=(
        "llm.output_messages.N.message.role",
        "llm.output_messages.N.message.content",
        "llm.output_messages.N.message.contents.N.message_content.*",
        "llm.output_messages.N.message.tool_calls.N.tool_call.*",
        "llm.choices.N.completion.text",
        "output.value",
    ),
    input_tokens=("llm.token_count.prompt", names.USAGE_INPUT_TOKENS),
    output_tokens=(names.OPENINFERENCE_OUTPUT_TOKENS, names.USAGE_OUTPUT_TOKENS),
    cost_usd=("llm.cost.total", names.USAGE_COST),
    conversation_id=("session.id",),
    prompt_name=("llm.prompt_template.name", names.PROMPT_NAME),
    prompt_version=("llm.prompt_template.version", names.PROMPT_VERSION),
)


def _kind_and_operation(attributes: Attributes) -> tuple[Kind, str]:
    match kind := (attributes.text(names.OPENINFERENCE_KIND) or "").lower():
        case "llm":
            return "call", names.CHAT
        case "retriever" | "reranker":
            return "context", kind
        case "tool" if _RESULT in attributes:
            return "context", kind
    is_call = kind not in _OTHER_KINDS and (
        _has_messages(attributes) or genai.kind_and_operation(attributes)[0] == "call"
    )
    return ("call", names.CHAT) if is_call else ("other", kind)


def _has_messages(attributes: Attributes) -> bool:
    """Return True if a span of an unknown kind is a call; every span has `input.value` and `output.value`."""
    return any(f"{prefix}.0.message.role" in attributes for prefix in (_INPUT, _OUTPUT))


def _is_stream(attributes: Attributes) -> bool:
    try:
        parameters = attributes.structure("llm.invocation_parameters")
    except DecodeError:  # some write them as Python does: a call is read without them
        return False
    return isinstance(parameters, dict) and parameters.get("stream") is True


def _read_content(attributes: Attributes, _events: Sequence[Any]) -> CallContent:
    problems = Problems()
    asked, answered = Source("input.value", "input", problems), Source(_RESULT, "output", problems)
    return CallContent(
        input=_messages(attributes, _INPUT)
        or _texts(attributes, _PROMPTS, "prompt.text", "user")
        or _whole(attributes, "input.mime_type", asked),
        output=_messages(attributes, _OUTPUT)
        or _texts(attributes, _COMPLETIONS, "completion.text", "assistant")
        or _whole(attributes, "output.mime_type", answered),
        problems=problems.found(),
    )


def _messages(attributes: Attributes, prefix: str) -> tuple[Message, ...]:
    default, reason = ("user", None) if prefix == _INPUT else ("assistant", attributes.text("llm.finish_reason"))
    return tuple(
        Message(
            role_of(item.text("message.role") or default),
            tuple(_parts(item)),
            finish_reason_of(item.text("message.finish_reason") or reason),
        )
        for item in attributes.indexed(prefix)
    )


def _parts(item: Attributes) -> Iterator[Part]:
    role = role_of(item.text("message.role") or "")
    if content := item.text("message.content"):
        yield Part("tool_call_response" if role == "tool" else "text", content)
    for each in item.indexed("message.contents"):
        text, kind = each.text("message_content.text") or "", each.text("message_content.type")
        match kind:
            case "text" | "reasoning":
                yield Part(kind, text)
            case "refusal" | None if text:
                yield Part("text", text, refusal=kind == "refusal")
            case _:
                yield Part("other", "")
    for call in item.indexed("message.tool_calls"):
        arguments = call.text("tool_call.function.arguments") or ""
        yield Part("tool_call", arguments, call.text("tool_call.function.name") or "")


def _texts(attributes: Attributes, prefix: str, name: str, role: str) -> tuple[Message, ...]:
    """Return the texts of a completion."""
    texts = [text for item in attributes.indexed(prefix) if (text := item.text(name))]
    return tuple(Message(role, (Part("text", text),)) for text in texts)


def _whole(attributes: Attributes, mime_type: str, source: Source) -> tuple[Message, ...]:
    """Return the whole input or output if it is text; of JSON, the messages of a request or a response."""
    text = attributes.text(source.attribute)
    if not text:
        return ()
    if attributes.text(mime_type) == "application/json":
        return messages_in_json(text, source)
    return (Message(source.role, (Part("text", text),)),)


def _read_documents(attributes: Attributes) -> tuple[str, ...]:
    if (attributes.text(names.OPENINFERENCE_KIND) or "").upper() == "TOOL":
        return read_documents(attributes.plain(_RESULT))
    found = (*attributes.indexed(_RETRIEVED), *attributes.indexed(_RERANKED))
    return tuple(text for item in found if (text := item.text("document.content")))


DIALECT: Final = Dialect(
    name="openinference",
    libraries="OpenInference (Arize Phoenix)",
    marker=b"openinference.",
    signs=(names.OPENINFERENCE_KIND,),
    fields=FIELDS,
    context=(f"{_RETRIEVED}.N.document.content", f"{_RERANKED}.N.document.content", _RESULT),
    kind_and_operation=_kind_and_operation,
    read_content=_read_content,
    read_documents=_read_documents,
    is_stream=_is_stream,
    first_chunk_event=b"First Token Stream Event",
)
