"""The data that a client module maps a call to: the request, the response, the sum of a stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from opentelemetry.util.types import AttributeValue

from otel_llm.instrument.contract.usage import Usage

Message = dict[str, Any]
"""A message in the conventions' schema: `{"role": …, "parts": [{"type": …}, …]}`."""


@dataclass(slots=True, kw_only=True)
class Content:
    """Messages, instructions and tools in the conventions' schema. No object is shared with the app."""

    messages: list[Message]
    system: list[dict[str, Any]] = field(default_factory=list)
    """System instructions that the API takes apart from the messages: a list of parts."""
    tools: list[dict[str, Any]] = field(default_factory=list)
    documents: list[str] = field(default_factory=list)
    """The texts that the answer is to be grounded in."""


@dataclass(slots=True, kw_only=True)
class Response:
    """The response; for a stream, the part that had come when the stream ended."""

    id: str | None = None
    model: str | None = None
    finish_reasons: list[str] = field(default_factory=list)
    usage: Usage | None = None
    attributes: Mapping[str, AttributeValue] | None = None
    """Further attributes, by their names."""
    error_type: str | None = None
    """The kind of error, if the response itself says that the call failed. None means that it does not."""
    read_messages: Callable[[], list[Message]] = list
    """Reads the output messages; called only where content is captured."""


class Chunks(Protocol):
    """Adds up the chunks of one stream."""

    def add(self, chunk: Any) -> None:
        """Take one chunk; called on the app's path, for each."""

    def response(self) -> Response:
        """Return what came so far."""


def _is_no_error(_: Any) -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFormat:
    """The rules by which the events of a streamed body are chunks. Used where the app itself reads the body."""

    end: bytes | None = None
    """The data of the event after which nothing counts."""
    no_chunks: frozenset[str] = frozenset()
    """Names of events, as the line `event:` has them, that the client's own stream gives to nobody."""
    is_error: Callable[[Any], bool] = _is_no_error
    """Returns True if an event's data is an error, which the client's own stream raises."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One operation of a client's API, with the functions that read its requests and responses."""

    operation: str
    """The value of gen_ai.operation.name."""
    read_attributes: Callable[[Mapping[str, Any]], dict[str, AttributeValue]]
    """Returns the attributes that the body of a request gives the span, the model apart."""
    read_content: Callable[[Mapping[str, Any]], Content]
    """Returns the content of a request's body; called only where content is captured."""
    read_response: Callable[[Any], Response]
    """Reads the client's own object for a whole response."""
    add_up: Callable[[bool], Chunks] | None = None
    """Starts to add up a stream; the argument is whether content is captured. None: it has no streams."""
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
    """True if the app reads the response's body by itself."""
    received: Any = None
    """The client's own object for a response that is paid for, kept for where the client fails over it later."""
