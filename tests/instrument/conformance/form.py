"""A form of a call of a client: how it is asked, and what its span is to say."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from form_reading import Leaving, whole

Read = Callable[[Any, Leaving | None], Awaitable[list[type]]]


@dataclass(frozen=True, kw_only=True)
class Form:
    """One way to call the client, and what its span is to say."""

    label: str
    ask: Callable[[Any, str], Any]
    """Calls a client, synchronous or asynchronous, with a question; returns what the client's method does."""
    read: Read = whole
    server: str | None = None
    """Which client object it is, by the provider that its calls count as. None means the library's own."""
    name: str = "chat scripted"
    question: str = "count"
    asked: bool = True
    """True if the question is content."""
    said: str | None = "one two three"
    """What is in the recorded answer. None means that no answer is recorded."""
    tokens: tuple[int | None, int | None] = (20, 3)
    finish: tuple[str, ...] = ("stop",)
    error: str = "RateLimitError"
    retried: bool = True
    streamed: bool = False
    left_after: str | None = None
    """What the last piece says that is read of a stream before it is left."""


def streamed(read: Read, after: str = "beta") -> dict[str, Any]:
    """Return what the fields of a form are that is a stream."""
    return {"read": read, "streamed": True, "left_after": after}


def find(resource: Any, method: str) -> Any:
    """Return a method by its dotted path."""
    for name in method.split("."):
        resource = getattr(resource, name)
    return resource
