"""The data to which a client module maps a call: the request, the response, the sum of a stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from opentelemetry.util.types import AttributeValue

from otel_llm.instrument.contract.usage import Usage

Message = dict[str, Any]
"""A message in the conventions' schema: `{"role": …, "parts": [{"type": …}, …]}`.

An answer's `finish_reason` is None if the provider told none: `content/` puts a word in its place.
"""
NO_ANSWER: Final = "no_answer"
"""The kind of error of a response with a status of success, but neither an answer nor an error's code."""


@dataclass(slots=True, kw_only=True)
class Content:
    """Messages, instructions and tools in the conventions' schema. Shares no object with the app."""

    messages: list[Message]
    system: list[dict[str, Any]] = field(default_factory=list)
    """System instructions, where the API separates them from the messages: a list of parts."""
    tools: list[dict[str, Any]] = field(default_factory=list)
    documents: list[str] = field(default_factory=list)
    """Texts in which the answer should be grounded."""


@dataclass(slots=True, kw_only=True)
class Response:
    """The response; for a stream, the part that had arrived when the stream ended."""

    id: str | None = None
    model: str | None = None
    finish_reasons: list[str] = field(default_factory=list)
    usage: Usage | None = None
    attributes: Mapping[str, AttributeValue] | None = None
    """Further span attributes by name."""
    error_type: str | None = None
    """The kind of error, if the response itself reports a failure. None means that it reports no failure."""
    is_answer: bool = True
    """False if nothing in the response tells of an answer: no choice, no usage, no id, as in an HTML page.

    The call has then failed, unless the app left the stream before its end.
    """
    read_messages: Callable[[], list[Message]] = list
    """Reads the output messages. Called only where content is captured."""


class Chunks(Protocol):
    """Adds up the chunks of one stream."""

    def add(self, chunk: Any) -> None:
        """Add one chunk. Called on the app's path for every chunk."""

    def response(self) -> Response:
        """Return the response so far."""


def _no_error(_: Any) -> str | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFormat:
    """The rules that tell which events of a streamed body are chunks. Used where the app itself reads the body."""

    end: bytes | None = None
    """The data of the event that ends the chunks: later events do not count. None means no such event."""
    no_chunks: frozenset[str] = frozenset()
    """Names of events, from the line `event:`, that the client's own stream does not pass on."""
    error_of: Callable[[Any], str | None] = _no_error
    """Returns the kind of error if an event's data is an error, which the client's own stream would raise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One operation of a client's API, with the functions that read its requests and responses."""

    operation: str
    """The value of gen_ai.operation.name."""
    read_attributes: Callable[[Mapping[str, Any]], dict[str, AttributeValue]]
    """Returns the span attributes from the body of a request, without the model."""
    read_content: Callable[[Mapping[str, Any]], Content]
    """Returns the content of a request's body. Called only where content is captured."""
    read_response: Callable[[Any], Response]
    """Reads the client's own object for a whole response."""
    add_up: Callable[[bool], Chunks] | None = None
    """Returns a new sum of a stream; the argument is True if content is captured. None means no streams."""
    events: EventFormat = EventFormat()


@dataclass(slots=True, kw_only=True)
class Request:
    """The request of one call."""

    endpoint: Endpoint
    provider: str
    model: str | None
    address: str | None
    port: int | None
    body: Mapping[str, Any]
    stream: bool = False
    reads_body: bool = False
    """True if the app itself reads the response's body."""
    received: Any = None
    """The client's own object for a paid response. Kept, as the client may later fail to read the response."""
