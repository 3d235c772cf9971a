"""The GenAI conventions before 1.37: `gen_ai.system`, and content in attributes, span events or log records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from otel_llm import names
from otel_llm.genai.call import Message, Part
from otel_llm.genai.chat_messages import read_chat_messages
from otel_llm.genai.dialects import genai
from otel_llm.genai.dialects.dialect import CallContent, Dialect, Fields, Kind
from otel_llm.otlp.attributes import Attributes, load_json

SYSTEM: Final = "gen_ai.system"
PROMPT: Final = "gen_ai.prompt"
COMPLETION: Final = "gen_ai.completion"
PROMPT_EVENT: Final = "gen_ai.content.prompt"
COMPLETION_EVENT: Final = "gen_ai.content.completion"

FIELDS: Final = Fields(
    provider=(names.PROVIDER, SYSTEM),
    request_model=(names.REQUEST_MODEL,),
    response_model=(names.RESPONSE_MODEL,),
    response_id=(names.RESPONSE_ID,),
    input=(names.INPUT_MESSAGES, PROMPT, PROMPT_EVENT),
    output=(names.OUTPUT_MESSAGES, COMPLETION, COMPLETION_EVENT),
    system=(names.SYSTEM_INSTRUCTIONS,),
    input_tokens=(names.USAGE_INPUT_TOKENS, "gen_ai.usage.prompt_tokens"),
    output_tokens=(names.USAGE_OUTPUT_TOKENS, "gen_ai.usage.completion_tokens"),
    time_to_first_chunk_s=(names.RESPONSE_TIME_TO_FIRST_CHUNK,),
    stream=(names.REQUEST_STREAM,),
)


def _kind_and_operation(attributes: Attributes) -> tuple[Kind, str]:
    if names.OPERATION in attributes:
        return genai.kind_and_operation(attributes)
    # the oldest spans have no operation: a span with a model is a call
    return ("call", "chat") if names.REQUEST_MODEL in attributes else ("other", "")


def _read_content(attributes: Attributes, events: Sequence[Any]) -> CallContent:
    content = genai.read_content(attributes)
    on_events = {event.name: event.attributes for event in events}
    return CallContent(
        input=content.input or _messages(attributes, on_events.get(PROMPT_EVENT.encode()), PROMPT, "user"),
        output=content.output
        or _messages(attributes, on_events.get(COMPLETION_EVENT.encode()), COMPLETION, "assistant"),
        system=content.system,
    )


def _messages(span: Attributes, event: Any, name: str, role: str) -> tuple[Message, ...]:
    holder = span if name in span or event is None else Attributes(event)
    value = holder.plain(name)
    if isinstance(value, str):
        if not value.startswith(("[", "{")):
            return (Message(role, (Part("text", value),)),)
        value = load_json(value, name)
    if isinstance(value, dict):
        value = [value]
    if isinstance(value, list):
        value = [{"role": role} | item if isinstance(item, dict) else item for item in value]
    return read_chat_messages(value, name)


DIALECT: Final = Dialect(
    name="genai_legacy",
    libraries="the OpenTelemetry GenAI conventions before 1.37",
    marker=b"gen_ai.",
    signs=(SYSTEM,),
    fields=FIELDS,
    context=genai.DIALECT.context,
    kind_and_operation=_kind_and_operation,
    read_content=_read_content,
    read_documents=genai.DIALECT.read_documents,
)
