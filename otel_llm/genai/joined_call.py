"""A call joined with content from log records and documents from other spans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from otel_llm.genai.call import Call
from otel_llm.genai.content_events import ContentEvent
from otel_llm.genai.documents_of_call import documents_of_call


def with_content(call: Call, events: Sequence[ContentEvent]) -> Call:
    """Return the call with the content of its events, in their order; content of the call itself stays.

    Equal events with answers count once: a sender may send an event twice.
    """
    answers = dict.fromkeys(event for event in events if event.output)
    asked = [event for event in events if not event.output] + list(answers)
    messages = call.input or tuple(message for event in asked for message in event.input)
    output = call.output or tuple(message for event in answers for message in event.output)
    system = call.system or "\n".join(dict.fromkeys(event.system for event in asked if event.system))
    context = documents_of_call(call.documents if call.documents_source == "explicit" else (), messages, system)
    problems = tuple(dict.fromkeys(call.problems + tuple(each for event in events for each in event.problems)))
    joined = replace(
        call, input=messages, output=output, system=system, question=context.question, problems=problems
    )
    if call.documents_source in {"explicit", "trace"}:
        return joined
    return replace(joined, documents=context.documents, documents_source=context.source)


def with_documents(call: Call, documents: Sequence[str]) -> Call:
    """Return the call with the documents of its trace, unless the call names its documents in an attribute.

    Documents of the trace come before tool results and before the context section of the prompt.
    """
    if not documents or call.documents_source == "explicit":
        return call
    return replace(call, documents=tuple(documents), documents_source="trace")
