"""The GenAI conventions before 1.37: `gen_ai.system`, and content in attributes, span events or log records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from otel_llm import names
from otel_llm.genai.call import Message
from otel_llm.genai.dialects import genai
from otel_llm.genai.dialects.dialect import CallContent, Dialect, Fields
from otel_llm.genai.messages import read_attribute
from otel_llm.genai.operations import Kind, is_around_calls
from otel_llm.genai.problems import Problems, Side
from otel_llm.otlp.attributes import Attributes

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
    kind, operation = genai.kind_and_operation(attributes, FIELDS)
    if kind == "other" and not operation and names.REQUEST_MODEL in attributes and not is_around_calls(attributes):
        return "call", names.CHAT  # the oldest spans have no operation
    return kind, operation


def _read_content(attributes: Attributes, events: Sequence[Any]) -> CallContent:
    content, problems = genai.read_content(attributes), Problems()
    on_events = {event.name: event.attributes for event in events}

    def messages(name: str, event: str, side: Side) -> tuple[Message, ...]:
        on_event = on_events.get(event.encode())
        holder = attributes if name in attributes or on_event is None else Attributes(on_event)
        return read_attribute(holder, name, side, problems)

    return CallContent(
        input=content.input or messages(PROMPT, PROMPT_EVENT, "input"),
        output=content.output or messages(COMPLETION, COMPLETION_EVENT, "output"),
        system=content.system,
        problems=content.problems + problems.found(),
    )


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
