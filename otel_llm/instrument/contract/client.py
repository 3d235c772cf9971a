"""The interface of a client library: its patches, and the readers of its requests and results."""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Generic, NamedTuple, Protocol, TypeVar

from otel_llm.instrument.contract.data import Request

T = TypeVar("T")
"""The type of the object that records calls: `CallTelemetry`, which the lifecycles pass to every stand-in."""


class Server(NamedTuple):
    """The server that answers a call."""

    provider: str
    """The value of gen_ai.provider.name."""
    address: str | None
    port: int | None


class Servers(Protocol):
    """Finds the provider of a URL."""

    def at(self, url: str, default: str, *, compatible: bool = False) -> Server:
        """Return the server at a client's base URL.

        Args:
            url: the base URL.
            default: the provider of an unknown host.
            compatible: True if self-hosted servers speak the client's API. These are recognised by the name of
                their host.
        """


class Patch(NamedTuple, Generic[T]):
    """One method or function of a client library, and the stand-in that replaces it."""

    module: str
    owner: str | None
    """The name of the class. None means that the target is a function of the module."""
    name: str
    wrap: Callable[[Callable[..., Any], LlmClient[T], T], Callable[..., Any]]
    """Returns the stand-in for the original. For a static or class method, both are the inner function."""


class LlmClient(abc.ABC, Generic[T]):
    """One client library. Subclasses name its patches, and read its requests and results.

    The subclass is loaded when the library is imported: by the entry point of the group `otel_llm.clients` that
    has the name of the library's module.
    """

    distribution: ClassVar[str]
    """The name under which the library is installed, such as "google-genai" for the module `google.genai`."""
    versions: ClassVar[str]
    """The versions whose internals are known, as a PEP 440 specifier."""
    own_scopes: ClassVar[frozenset[str]] = frozenset()
    """The instrumentation scopes of spans that the library emits by itself."""
    patches: tuple[Patch[T], ...]
    """The patches. If the target of one patch of a module is missing, no patch of that module is applied."""

    @abc.abstractmethod
    def read_request(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], servers: Servers) -> Request | None:
        """Return the call's request, or None if calls of this kind are not instrumented."""

    @abc.abstractmethod
    def read_result(self, result: Any, request: Request) -> Any:
        """Return the result as Streamed, Raw or Unread, or an object for the endpoint's `read_response`."""

    def silence(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        """Keep the library from opening its own span for the call with these arguments, and for no other."""

    def prepare(self) -> None:
        """Prepare the library for its first call. Called after each module of the library was patched."""
