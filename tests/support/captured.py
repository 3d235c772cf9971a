"""What real libraries exported: see genai/capture/README.md."""

import json
from dataclasses import dataclass
from pathlib import Path

from otel_llm.genai.call import Call, Message
from otel_llm.genai.decode import (
    ContentEvent,
    SpanOutline,
    is_genai,
    read_content_events,
    read_span,
    service_name,
    with_content,
)
from otel_llm.otlp.json import read_json
from otel_llm.otlp.requests import read_spans
from otel_llm.otlp.signals import Signal

FOLDER = Path(__file__).parents[1] / "genai" / "captured"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))


@dataclass(frozen=True)
class Captured:
    """The spans of one library, in the order in which they began, and what log records say of them."""

    outlines: list[SpanOutline]
    calls: list[Call]
    events: list[ContentEvent]

    def documents(self, trace_id: str) -> list[str]:
        return [
            text
            for outline in self.outlines
            if outline.kind == "context" and outline.trace_id == trace_id
            for text in outline.documents()
        ]


def body_of(name: str, signal: Signal) -> bytes:
    """Return the serialized request of that signal."""
    captured = json.loads((FOLDER / f"{name}.json").read_text())
    body, rejections = read_json(signal, json.dumps(captured[signal]).encode())
    assert rejections == []
    return body


def captured(name: str) -> Captured:
    """Return what one library exported, with the content of log records joined to its calls."""
    events, reasons = read_content_events(body_of(name, "logs"))
    assert reasons == []
    found = [
        (read_span(span), service_name(resource))
        for resource, spans in read_spans(body_of(name, "traces"))
        for span in spans
        if is_genai(span)
    ]
    calls = [
        with_content(outline.call(service), [event for event in events if event.span_id == outline.span_id])
        for outline, service in found
        if outline.kind == "call"
    ]
    return Captured([outline for outline, _ in found], sorted(calls, key=lambda call: call.start_ns), events)


def written(messages: tuple[Message, ...]) -> list[tuple[str, ...]]:
    """Return messages as short as they can be told: the role, then the texts, tools by name and arguments."""
    return [
        (
            message.role,
            *(f"{part.name}{part.text}" for part in message.parts),
            *filter(None, [message.finish_reason]),
        )
        for message in messages
    ]
