"""A GenAI call as the evaluators see it: no dialect, no protobuf."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PartType = Literal["text", "reasoning", "tool_call", "tool_call_response", "other"]
DocumentsSource = Literal["", "explicit", "trace", "tools", "prompt"]


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a message. `text` is its content as text; of a tool call, its arguments as JSON."""

    type: PartType
    text: str
    name: str = ""
    """The tool's name, of a tool call."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation."""

    role: str
    """system, user, assistant or tool."""
    parts: tuple[Part, ...]
    finish_reason: str | None = None
    """Of an output message: stop, length, content_filter, tool_call, error."""

    @property
    def text(self) -> str:
        """The text parts, joined by newlines; reasoning and tool parts are left out."""
        return "\n".join(part.text for part in self.parts if part.type == "text")


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Token counts and cost; None where the span has none."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One GenAI call, read from one span."""

    trace_id: str
    """32 lowercase hex digits."""
    span_id: str
    """16 lowercase hex digits."""
    service: str
    """service.name of the resource; "unknown_service" where it has none."""
    operation: str
    provider: str
    request_model: str
    response_model: str | None = None
    response_id: str | None = None
    input: tuple[Message, ...] = ()
    output: tuple[Message, ...] = ()
    """The answers, a message each: several where the request asked for several choices."""
    system: str = ""
    """System instructions, as one text."""
    question: str | None = None
    """The last user message without the context section in it; None where it has no such section."""
    documents: tuple[str, ...] = ()
    """What groundedness is judged against; empty where the call has no context."""
    documents_source: DocumentsSource = ""
    """Where they are from: an attribute of the call, other spans of its trace, tool results, the prompt."""
    logprobs: tuple[float, ...] = ()
    """The natural log-probabilities of the first answer's tokens, in order; empty where they are not known."""
    usage: Usage = Usage()
    start_ns: int
    """Unix time in nanoseconds."""
    duration_s: float
    time_to_first_chunk_s: float | None = None
    stream: bool = False
    conversation_id: str | None = None
    user_id: str | None = None
    prompt_name: str | None = None
    prompt_version: str | None = None
    error_type: str | None = None

    @property
    def input_text(self) -> str:
        """The text of the last user message: what this call was asked.

        A context section that the application put into that message is left out: retrieved text is not the
        user's, so neither its toxicity nor its topic may count as the input's.
        """
        if self.question is not None:
            return self.question
        return next((message.text for message in reversed(self.input) if message.role == "user"), "")

    @property
    def output_text(self) -> str:
        """The text of the output messages, joined by newlines: every choice counts, as any may be shown."""
        return "\n".join(self.choices)

    @property
    def choices(self) -> tuple[str, ...]:
        """The texts of the output messages that have text: the alternatives of a call with several choices."""
        return tuple(message.text for message in self.output if message.text)

    @property
    def tool_results(self) -> tuple[str, ...]:
        """What tools answered, in the order of the input."""
        return tuple(
            part.text for message in self.input for part in message.parts if part.type == "tool_call_response"
        )
