"""Calls by their texts, as evaluators read them."""

from collections.abc import Sequence

from otel_llm.genai.call import Call, Message, Part
from support.results import call


def call_with(
    *,
    question: str | None = None,
    answer: str | None = None,
    documents: Sequence[str] = (),
    service: str = "library",
    number: int = 1,
) -> Call:
    """Return a call with those texts; `number` makes its ids."""
    return call(
        trace_id=f"{number:032x}",
        span_id=f"{number:016x}",
        service=service,
        input=() if question is None else (Message("user", (Part("text", question),)),),
        output=() if answer is None else (Message("assistant", (Part("text", answer),)),),
        documents=tuple(documents),
    )
