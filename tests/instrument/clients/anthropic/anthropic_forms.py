"""All forms of a call of the anthropic client: the rows of a table in docs/instrument.md."""

from typing import Any

import anthropic
from form import Form, find, streamed
from form_reading import block, entered, lines, raw, raw_stream, stream
from pydantic import BaseModel


class Plan(BaseModel):
    city: str
    days: int


WEATHER = {"name": "weather", "description": "Tells.", "input_schema": {"type": "object", "properties": {}}}
THINKING = {"type": "enabled", "budget_tokens": 1024}


def ask(client: Any, question: str, method: str = "messages.create", **options: Any) -> Any:
    messages = [{"role": "user", "content": question}]
    return find(client, method)(model="scripted", max_tokens=64, messages=messages, **options)


def form(label: str, method: str, *, more: dict[str, Any] | None = None, **fields: Any) -> Form:
    return Form(label=label, ask=lambda client, question: ask(client, question, method, **(more or {})), **fields)


STREAM = {"stream": True}
PLAIN = (
    form("`messages.create`", "messages.create"),
    form("`messages.create(stream=True)`", "messages.create", more=STREAM, **streamed(stream)),
    form("`messages.stream`", "messages.stream", **streamed(block)),
    form("`messages.stream`, `text_stream`", "messages.stream", **streamed(entered("text_stream"))),
    form("`messages.with_raw_response`", "messages.with_raw_response.create", read=raw),
    form(
        "`messages.with_raw_response`, a stream", "messages.with_raw_response.create",
        more=STREAM, **streamed(raw_stream),
    ),
    form("`messages.with_streaming_response`", "messages.with_streaming_response.create", read=lines),
    form(
        "`messages.with_streaming_response`, a stream", "messages.with_streaming_response.create",
        more=STREAM, **streamed(lines),
    ),
    Form(
        label="`with_options(…).messages.create`",
        ask=lambda client, question: ask(client.with_options(timeout=30), question),
    ),
    form(
        "messages with tools", "messages.create",
        more={"tools": [WEATHER]}, said='"name": "weather"', finish=("tool_call",),
    ),
    form(
        "messages with tools, a stream", "messages.create",
        more={"tools": [WEATHER], **STREAM}, said='"city": "Graz"', finish=("tool_call",), **streamed(stream),
    ),
    form("messages with thinking", "messages.create", more={"thinking": THINKING}, said="They count."),
    form(
        "messages with thinking, a stream", "messages.create",
        more={"thinking": THINKING, **STREAM}, said="They count.", **streamed(stream),
    ),
    form(
        "messages with a refusal", "messages.create",
        question="evil", said="I will not.", finish=("content_filter",),
    ),
    form("messages of `AnthropicVertex`", "messages.create", server="gcp.vertex_ai"),
    form(
        "messages of `AnthropicVertex`, a stream", "messages.create",
        more=STREAM, server="gcp.vertex_ai", **streamed(stream),
    ),
)  # fmt: skip
BETA = (
    form("`beta.messages.create`", "beta.messages.create"),
    form("`beta.messages.create(stream=True)`", "beta.messages.create", more=STREAM, **streamed(stream)),
    form("`beta.messages.stream`", "beta.messages.stream", **streamed(block)),
)
PARSE = (
    form("`messages.parse`", "messages.parse", more={"output_format": Plan}, question="plan", said="Graz"),
    form(
        "`beta.messages.parse`", "beta.messages.parse", more={"output_format": Plan}, question="plan", said="Graz"
    ),
)

# since 0.75
FORMS = (*PLAIN, *BETA, *(PARSE if hasattr(anthropic.resources.Messages, "parse") else ()))
