"""What the lifecycles know of a client library: where it is patched, and who reads its fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from otel_llm.instrument.contract.data import Request

T = TypeVar("T")
"""What the stand-ins of patched methods are given to record calls with: `CallTelemetry` of the lifecycles."""


class Server(NamedTuple):
    """Where calls go."""

    provider: str
    address: str | None
    port: int | None
    deployment: str | None = None
    """Where the URL names one, as Azure's may: it is what answers, whatever model a request names."""


class Servers(Protocol):
    """Knows who serves a URL."""

    def at(self, url: Any, default: str) -> Server:
        """Return the server at a client's base URL; `default` is the provider of one that nobody has named."""


class Patch(NamedTuple, Generic[T]):
    """One method of a client library, and what is put in its place."""

    module: str
    owner: str
    """The class."""
    method: str
    wrap: Callable[[Callable[..., Any], LlmClient[T], T], Callable[..., Any]]
    """Returns the method that stands in for the original."""


class LlmClient(Protocol[T]):
    """One client library: where it is patched, and how its fields are read."""

    @property
    def name(self) -> str:
        """The package, such as "openai"."""

    @property
    def majors(self) -> range:
        """The major versions whose insides are known."""

    @property
    def patches(self) -> tuple[Patch[T], ...]:
        """What is patched. Of those in one module all are found, or none is patched."""

    def read_request(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], servers: Servers) -> Request | None:
        """Return the call's request, or None when it is none of the calls that are instrumented."""

    def read_result(self, result: Any) -> Any:
        """Return what it gave: Streamed, Raw, Unread, or else an object for the endpoint's `read_response`."""
