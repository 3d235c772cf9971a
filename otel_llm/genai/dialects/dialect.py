"""What a dialect is: a table of names, and how its content is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from otel_llm.genai.call import Message
from otel_llm.otlp.attributes import Attributes

Kind = Literal["call", "context", "other"]
"""`call`: to be evaluated. `context`: a retrieval or a tool that has documents for the answers of its trace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """The attributes that fill the fields of a call; of several, the first that is there.

    `N` in a name stands for a number from 0 on.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What was asked and answered."""

    input: tuple[Message, ...] = ()
    output: tuple[Message, ...] = ()
    system: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One way in which GenAI spans are written."""

    name: str
    libraries: str
    """Who writes so, in words."""
    marker: bytes
    """These bytes are in every span of it."""
    signs: tuple[str, ...]
    """A span with any of these attributes is of this dialect."""
    fields: Fields
    context: tuple[str, ...] = ()
    """The attributes of retrieval and tool spans that are documents."""
    kind_and_operation: Callable[[Attributes], tuple[Kind, str]]
    """What a span is, and of a call its operation."""
    read_content: Callable[[Attributes, Sequence[Any]], Content]
    """The content of a call, from its attributes and span events. Raises a DecodeError that names an attribute."""
    read_documents: Callable[[Attributes], tuple[str, ...]]
    """The documents of a retrieval or a tool. Raises a DecodeError that names an attribute."""
    is_stream: Callable[[Attributes], bool] | None = None
    """Whether a call was streamed, where no attribute says so by itself."""
    first_chunk_event: bytes = b""
    """The span event that marks the first chunk of a stream."""

    def has_content(self, attributes: Attributes, events: Sequence[Any]) -> bool:
        """Return whether messages are on the span."""
        names = (*self.fields.input, *self.fields.output)
        return any(name.replace(".N.", ".0.") in attributes for name in names) or any(
            event.name.decode(errors="replace") in names for event in events
        )
