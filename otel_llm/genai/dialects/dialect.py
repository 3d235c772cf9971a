"""A dialect: a table of attribute names, and functions that read its content."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from otel_llm.genai.call import Message
from otel_llm.genai.operations import Kind
from otel_llm.genai.problems import Problem
from otel_llm.otlp.attributes import Attributes


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """The attributes that fill the fields of a call: of several names, the first that the span has.

    `N` in a name is a number from 0 upwards.
    """

    provider: tuple[str, ...] = ()
    request_model: tuple[str, ...] = ()
    response_model: tuple[str, ...] = ()
    response_id: tuple[str, ...] = ()
    input: tuple[str, ...] = ()
    output: tuple[str, ...] = ()
    system: tuple[str, ...] = ()
    documents: tuple[str, ...] = ("otel_llm.documents",)
    logprobs: tuple[str, ...] = ("otel_llm.response.logprobs",)
    input_tokens: tuple[str, ...] = ()
    output_tokens: tuple[str, ...] = ()
    cost_usd: tuple[str, ...] = ("gen_ai.usage.cost",)
    time_to_first_chunk_s: tuple[str, ...] = ()
    time_to_first_chunk_ms: tuple[str, ...] = ()
    stream: tuple[str, ...] = ()
    conversation_id: tuple[str, ...] = ("gen_ai.conversation.id", "session.id")
    user_id: tuple[str, ...] = ("user.id",)
    prompt_name: tuple[str, ...] = ("gen_ai.prompt.name",)
    prompt_version: tuple[str, ...] = ("gen_ai.prompt.version",)
    error_type: tuple[str, ...] = ("error.type",)

    def have_messages(self, attributes: Attributes) -> bool:
        """Return True if there is an attribute for the input or the output."""
        return _has_any((*self.input, *self.output), attributes)

    def show_a_call(self, attributes: Attributes) -> bool:
        """Return True if a span of an unknown operation has messages, or a model and output tokens."""
        return self.have_messages(attributes) or (
            attributes.text(*self.request_model) is not None
            and attributes.integer(*self.output_tokens) is not None
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CallContent:
    """The messages and the system instructions of a call."""

    input: tuple[Message, ...] = ()
    output: tuple[Message, ...] = ()
    system: str = ""
    problems: tuple[Problem, ...] = ()
    """What could not be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One way in which GenAI spans are written."""

    name: str
    libraries: str
    """The libraries that write this dialect, in words."""
    marker: bytes
    """Bytes that are in every span of this dialect."""
    signs: tuple[str, ...]
    """Attributes of which any one identifies the dialect."""
    fields: Fields
    context: tuple[str, ...] = ()
    """Attributes with the documents of retrieval and tool spans."""
    kind_and_operation: Callable[[Attributes], tuple[Kind, str]]
    """Returns the kind of a span, and its operation, as the conventions or the library call it."""
    read_content: Callable[[Attributes, Sequence[Any]], CallContent]
    """Returns the content of a call from attributes and span events, as far as it can be read."""
    read_documents: Callable[[Attributes], tuple[str, ...]]
    """Returns the documents of a retrieval or a tool; a DecodeError names the attribute."""
    is_stream: Callable[[Attributes], bool] | None = None
    """Returns True if a call was streamed. None means that `fields.stream` says so."""
    first_chunk_event: bytes = b""
    """The span event that marks the first chunk of a stream."""

    def has_content(self, attributes: Attributes, events: Sequence[Any]) -> bool:
        """Return True if the span carries messages."""
        return self.has_any((*self.fields.input, *self.fields.output), attributes, events)

    def has_any(self, names: tuple[str, ...], attributes: Attributes, events: Sequence[Any]) -> bool:
        """Return True if the span has one of these attributes, or an event of that name."""
        return _has_any(names, attributes) or any(event.name.decode(errors="replace") in names for event in events)


def _has_any(names: tuple[str, ...], attributes: Attributes) -> bool:
    return any(name.replace(".N.", ".0.") in attributes for name in names)
