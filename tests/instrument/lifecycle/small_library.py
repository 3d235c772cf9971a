"""Small client libraries, made in a test: a module, and the `LlmClient` that reads its calls.

A library's functions take `model` and more, by keyword; what they give is text, or chunks of text.
"""

import sys
import types
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from opentelemetry import baggage, trace

from otel_llm.instrument.contract import units
from otel_llm.instrument.contract.client import LlmClient, Patch
from otel_llm.instrument.contract.data import Content, Endpoint, Request, Response
from otel_llm.instrument.contract.results import Streamed
from otel_llm.instrument.contract.usage import Usage
from otel_llm.instrument.lifecycle import patch
from otel_llm.instrument.lifecycle.wrap import wrap

MODULE = "small_llm"
WORDS = ["one ", "two ", "three"]


class Words:
    """Adds up the chunks."""

    def __init__(self, _: bool) -> None:
        self._words: list[str] = []

    def add(self, chunk: Any) -> None:
        self._words.append(chunk)

    def response(self) -> Response:
        return read_response("".join(self._words))


def read_response(answer: str) -> Response:
    return Response(id=answer, usage=Usage({units.INPUT_TOKENS: 20, units.OUTPUT_TOKENS: len(answer.split())}))


CHAT = Endpoint(
    operation="chat",
    read_attributes=lambda body: {},
    read_content=lambda body: Content(messages=[]),
    read_response=read_response,
    add_up=Words,
)


class SmallClient(LlmClient[Any]):
    """The reader of a library whose calls stream where they say `stream=True`."""

    distribution = "small-llm"
    versions = ">=1,<2"

    def __init__(self, *patches: Patch[Any], read: Callable[[Any], Any] = Streamed) -> None:
        self.patches = patches
        self._read = read

    def read_request(self, args: Any, kwargs: Any, servers: Any) -> Request:
        return Request(
            endpoint=CHAT, provider="small", model=kwargs["model"], address=None, port=None,
            body=kwargs, stream=bool(kwargs.get("stream", True)),
        )  # fmt: skip

    def read_result(self, result: Any, request: Request) -> Any:
        return self._read(result) if request.stream else result


def made(
    monkeypatch: pytest.MonkeyPatch, *, wrapped: Callable[..., Any] = wrap, read: Any = Streamed, **functions: Any
) -> Any:
    """Return a library with these functions and classes; of the classes, the methods are patched.

    To be instrumented afterwards.
    """
    module = types.ModuleType(MODULE)
    patches = []
    for name, value in functions.items():
        setattr(module, name, value)
        if isinstance(value, type):
            patches += [Patch(MODULE, name, each, wrapped) for each in dir(value) if not each.startswith("_")]
        else:
            patches.append(Patch(MODULE, None, name, wrapped))
    client = SmallClient(*patches, read=read)
    monkeypatch.setitem(sys.modules, MODULE, module)
    monkeypatch.setattr(patch, "client_entry_points", lambda: (SimpleNamespace(name=MODULE, load=lambda: client),))
    monkeypatch.setattr(patch, "version", {"small-llm": "1.4.0"}.__getitem__)
    return module


def at_work() -> tuple[bool, set[str]]:
    """Return what a client sees while it works: whether a span is the current one, and the baggage's keys."""
    return trace.get_current_span().get_span_context().is_valid, set(baggage.get_all())
