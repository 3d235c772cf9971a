"""A GenAI call as the evaluators see it, without dialect and protobuf."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from otel_llm.genai.problems import Problem, Side
from otel_llm.genai.roles import ROLES

PartType = Literal["text", "reasoning", "tool_call", "tool_call_response", "other"]
DocumentsSource = Literal["", "explicit", "trace", "tools", "prompt"]


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a message. `text` is the content; of a tool call, the arguments as JSON."""

    type: PartType
    text: str
    name: str = ""
    """The name of the tool, if the part is a tool call; empty if unknown."""
    refusal: bool = False
    """True if the model says in this text that it refuses."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation."""

    role: str
    """user, assistant, system or tool; any other word as the sender wrote it."""
    parts: tuple[Part, ...]
    finish_reason: str | None = None
    """Why an output message ended: stop, length, content_filter, tool_call, error."""

    @property
    def text(self) -> str:
        """The text parts, joined by newlines, without reasoning and tool parts."""
        return "\n".join(part.text for part in self.parts if part.type == "text")

    @property
    def has_only_results(self) -> bool:
        """True if the message is of tools alone, whatever its role."""
        return all(part.type == "tool_call_response" for part in self.parts)


def last_user_message(messages: Sequence[Message]) -> Message | None:
    """Return the last message of the role user, or else of a role that is none of the known ones.

    A message without parts says nothing. One with nothing but the results of tools, as Anthropic's and Bedrock's
    APIs have it, is not the user's.
    """
    said = [message for message in reversed(messages) if message.parts and not message.has_only_results]
    of_user = (message for message in said if message.role == "user")
    of_others = (message for message in said if message.role not in ROLES)
    return next(of_user, None) or next(of_others, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Token counts and cost; None means that the span does not say."""

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
    """service.name of the resource, or "unknown_service"."""
    operation: str
    provider: str
    request_model: str
    response_model: str | None = None
    response_id: str | None = None
    input: tuple[Message, ...] = ()
    output: tuple[Message, ...] = ()
    """The answers, one message each; several if the request asked for several choices."""
    problems: tuple[Problem, ...] = ()
    """What could not be read of the content."""
    system: str = ""
    """System instructions, as one text."""
    question: str | None = None
    """The last user message without its context section; None means that it has no such section."""
    documents: tuple[str, ...] = ()
    """The texts that groundedness compares the answer with; empty without context."""
    documents_source: DocumentsSource = ""
    """Source of the documents: an attribute of the call, other spans of its trace, tool results, the prompt."""
    logprobs: tuple[float, ...] = ()
    """Natural log-probabilities of the first answer's tokens, in order; empty if unknown."""
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
        """The text of the last user message, which is the question of this call.

        A context section in that message is left out: the application retrieved that text, not the user wrote it,
        so neither its toxicity nor its topic counts as the input's.
        """
        if self.question is not None:
            return self.question
        message = last_user_message(self.input)
        return message.text if message else ""

    @property
    def has_content(self) -> bool:
        """True if anything that was said is known."""
        said = (part.text for message in (*self.input, *self.output) for part in message.parts)
        return bool(self.system) or any(said)

    def is_cut(self, side: Side) -> bool:
        """Return True if the end of the content on that side is known to be missing."""
        return any(problem.side == side and problem.reason == "cut" for problem in self.problems)

    @property
    def has_cut_documents(self) -> bool:
        """True if the end of the documents is known to be missing, or of the messages that they come from."""
        if self.documents_source == "explicit":
            return self.is_cut("documents")
        return self.documents_source in {"tools", "prompt"} and (self.is_cut("input") or self.is_cut("system"))

    @property
    def output_text(self) -> str:
        """The texts of all output messages, joined by newlines: any choice may be shown to the user."""
        return "\n".join(self.choices)

    @property
    def choices(self) -> tuple[str, ...]:
        """The non-empty texts of the output messages: the alternatives of a call with several choices."""
        return tuple(message.text for message in self.output if message.text)

    @property
    def tool_results(self) -> tuple[str, ...]:
        """The answers of tools, in the order of the input."""
        return tuple(
            part.text for message in self.input for part in message.parts if part.type == "tool_call_response"
        )
