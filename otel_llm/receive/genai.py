"""The current GenAI conventions: which attribute fills which field of a call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from otel_llm import names
from otel_llm.receive.attributes import Attributes
from otel_llm.receive.call import Call, Message, Usage
from otel_llm.receive.context import documents_of, split_prompt
from otel_llm.receive.messages import read_instructions, read_messages

MARKER: Final = b"gen_ai."
"""Every span of this dialect contains these bytes."""

_INFERENCE: Final = frozenset({"chat", "text_completion", "generate_content"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanFacts:
    """What a span says beside its attributes."""

    trace_id: str
    span_id: str
    service: str
    start_ns: int
    duration_s: float
    failed: bool
    """Whether the span's status is an error."""


def read_call(attributes: Attributes, span: SpanFacts) -> Call | None:
    """Return the call of an inference span; None of any other span, such as an embedding or a tool.

    Raises:
        DecodeError: a structured attribute is not what the conventions say; the message names it.
    """
    operation = attributes.text(names.OPERATION)
    if operation not in _INFERENCE:
        return None
    messages = read_messages(attributes.structure(names.INPUT_MESSAGES), names.INPUT_MESSAGES)
    system = read_instructions(attributes.structure(names.SYSTEM_INSTRUCTIONS), names.SYSTEM_INSTRUCTIONS)
    prompt = split_prompt(_last_text(messages, "user"))
    error_type = attributes.text(names.ERROR_TYPE)
    return Call(
        trace_id=span.trace_id,
        span_id=span.span_id,
        service=span.service,
        operation=operation,
        provider=attributes.text(names.PROVIDER) or "",
        request_model=attributes.text(names.REQUEST_MODEL) or "",
        response_model=attributes.text(names.RESPONSE_MODEL),
        response_id=attributes.text(names.RESPONSE_ID),
        input=messages,
        output=read_messages(attributes.structure(names.OUTPUT_MESSAGES), names.OUTPUT_MESSAGES),
        system=system,
        question=prompt.question if prompt.documents else None,
        documents=documents_of(
            attributes.structure(names.DOCUMENTS),
            messages,
            prompt,
            system or _last_text(messages, "system"),
            names.DOCUMENTS,
        ),
        logprobs=attributes.numbers(names.RESPONSE_LOGPROBS),
        usage=Usage(
            input_tokens=attributes.integer(names.USAGE_INPUT_TOKENS),
            output_tokens=attributes.integer(names.USAGE_OUTPUT_TOKENS),
            cost_usd=attributes.number(names.USAGE_COST),
        ),
        start_ns=span.start_ns,
        duration_s=span.duration_s,
        time_to_first_chunk_s=attributes.number(names.RESPONSE_TIME_TO_FIRST_CHUNK),
        stream=attributes.flag(names.REQUEST_STREAM),
        conversation_id=attributes.text(names.CONVERSATION_ID),
        user_id=attributes.text(names.USER_ID),
        prompt_name=attributes.text(names.PROMPT_NAME),
        prompt_version=attributes.text(names.PROMPT_VERSION),
        error_type=error_type or ("_OTHER" if span.failed else None),
    )


def _last_text(messages: tuple[Message, ...], role: str) -> str:
    return next((message.text for message in reversed(messages) if message.role == role), "")
