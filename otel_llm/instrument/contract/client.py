"""What the lifecycles know of a client library: where it is patched, and who reads its fields."""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Generic, NamedTuple, Protocol, TypeVar

from otel_llm.instrument.contract.data import Request

T = TypeVar("T")
"""What the stand-ins of patched methods are given to record calls with: `CallTelemetry` of the lifecycles."""


class Server(NamedTuple):
    """Where calls go."""

    provider: str
    """As gen_ai.provider.name has it."""
    address: str | None
    port: int | None


class Servers(Protocol):
    """Knows who serves a URL."""

    def at(self, url: str, default: str, *, compatible: bool = False) -> Server:
        """Return the server at a client's base URL.

        Args:
            url: the base URL.
            default: the provider of a host that nobody has named.
            compatible: True if servers that people run themselves speak the client's API: these are known by what
                their host is called.
        """


class Patch(NamedTuple, Generic[T]):
    """One method or function of a client library, and what is put in its place."""

    module: str
    owner: str | None
    """The class; None: a function of the module."""
    name: str
    wrap: Callable[[Callable[..., Any], LlmClient[T], T], Callable[..., Any]]
    """Returns what stands in for the original. Of a static or class method, both are the function inside."""


class LlmClient(abc.ABC, Generic[T]):
    """One client library: where it is patched, and how its fields are read.

    It is loaded when the library is imported: by the entry point of the group `otel_llm.clients` that has the name
    of the library's module.
    """

    distribution: ClassVar[str]
    """The name under which the library is installed, such as "google-genai" for the module `google.genai`."""
    versions: ClassVar[str]
    """The versions whose insides are known, as a PEP 440 specifier."""
    own_scopes: ClassVar[frozenset[str]] = frozenset()
    """The instrumentation scopes of spans that the library emits by itself."""
    patches: tuple[Patch[T], ...]
    """What is patched. Of those in one module all are found, or none is patched."""

    @abc.abstractmethod
    def read_request(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], servers: Servers) -> Request | None:
        """Return the call's request, or None where it is none of the calls that are instrumented."""

    @abc.abstractmethod
    def read_result(self, result: Any, request: Request) -> Any:
        """Return what it gave: Streamed, Raw, Unread, or else an object for the endpoint's `read_response`."""

    def silence(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        """Keep the library from opening a span of its own for the call with these arguments, and for no other."""

    def prepare(self) -> None:
        """Do what must be done before the first call, once the library was patched."""
