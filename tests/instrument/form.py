"""A form of a call of the real client: how it is asked, and what its span is to say."""

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
    server: str = "openai"
    """Which client it is, by the provider that its calls count as."""
    name: str = "chat scripted"
    question: str = "count"
    asked: bool = True
    """Whether the question is content."""
    said: str | None = "one two three"
    """What is in the recorded answer; None: no answer is recorded."""
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


def chat(client: Any, question: str, method: str = "create", **options: Any) -> Any:
    messages = [{"role": "user", "content": question}]
    return _find(client.chat.completions, method)(model="scripted", messages=messages, **options)


def respond(client: Any, question: str, method: str = "create", **options: Any) -> Any:
    return _find(client.responses, method)(model="scripted", input=question, **options)


def complete(client: Any, question: str, **options: Any) -> Any:
    return client.completions.create(model="scripted", prompt=question, **options)


def draw(client: Any, question: str, **options: Any) -> Any:
    return client.images.generate(model="scripted", prompt=question, **options)


def say(method: Any, question: str, **options: Any) -> Any:
    return method(model="scripted", voice="alloy", input=question, **options)


def hear(method: Any, question: str, **options: Any) -> Any:
    return method(model="scripted", file=("talk.wav", bytes(16_000)), prompt=question, **options)


def _find(resource: Any, method: str) -> Any:
    for name in method.split("."):
        resource = getattr(resource, name)
    return resource
