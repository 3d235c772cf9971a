"""What a client module maps a call to: the request, the response, and what a stream adds up to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from opentelemetry.util.types import AttributeValue

Message = dict[str, Any]
"""A message in the conventions' schema: `{"role": …, "parts": [{"type": …}, …]}`."""


@dataclass(slots=True, kw_only=True)
class Usage:
    """Token counts as the conventions count them; None where the provider reported none."""

    input_tokens: int | None = None
    """Cached tokens included."""
    output_tokens: int | None = None
    """Reasoning tokens included."""
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    input_audio_tokens: int | None = None
    output_audio_tokens: int | None = None


@dataclass(slots=True, kw_only=True)
class Content:
    """What was said, in the conventions' schema. Shares no object with the app, which may change its own."""

    messages: list[Message]
    tools: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Request:
    """One call as the app made it."""

    operation: str
    provider: str
    model: str | None
    address: str | None
    port: int | None
    attributes: dict[str, AttributeValue]
    """The request's further attributes, by their names."""
    read_content: Callable[[], Content]
    """Reads the content; called only where content is captured."""


@dataclass(slots=True, kw_only=True)
class Response:
    """What came back, or as much as had come when a stream ended."""

    id: str | None = None
    model: str | None = None
    finish_reasons: list[str] = field(default_factory=list)
    usage: Usage | None = None
    service_tier: str | None = None
    read_messages: Callable[[], list[Message]] = list
    """Reads the output messages; called only where content is captured."""


class Chunks(Protocol):
    """Adds up the chunks of one stream."""

    def add(self, chunk: Any) -> None:
        """Take one chunk; called on the app's path, for each."""

    def response(self) -> Response:
        """Return what came so far."""


@dataclass(slots=True)
class Streamed:
    """A call's result that is a stream: the client's own object, and what adds up its chunks."""

    stream: Any
    chunks: Chunks


@dataclass(slots=True)
class Raw:
    """A call's result whose body the app reads by itself: the call ends when this HTTP response closes."""

    http_response: Any


class Client(Protocol):
    """One client library: where it is patched, and how its fields are read."""

    @property
    def name(self) -> str:
        """The package, such as "openai"."""

    @property
    def majors(self) -> range:
        """The major versions whose insides are known."""

    @property
    def patches(self) -> tuple[tuple[str, str, str, bool], ...]:
        """What is patched: module, class, method, whether it is a coroutine function."""

    def read_request(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any], providers: Mapping[str, str]
    ) -> Request | None:
        """Return the call's request, or None when it is none of the calls that are instrumented.

        `providers` are the user's own names of servers, for `provider_of`.
        """

    def read_result(self, result: Any, *, content: bool) -> Response | Streamed | Raw | None:
        """Return what the call gave; None when that cannot be read."""
