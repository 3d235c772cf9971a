"""What the server asks of a model: one answer to one request, piece by piece."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Literal, Protocol

from otel_llm.serve.models.request import ChatRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCounts:
    """The tokens of one answer."""

    prompt: int
    completion: int
    cached: int = 0
    """Of the prompt's, those that were not computed again."""
    cache_write: int = 0
    """Of the prompt's, those that were kept for later requests."""
    prompt_audio: int = 0
    prompt_image: int = 0
    completion_audio: int = 0
    reasoning: int = 0
    """Of the completion's, those of hidden reasoning."""


@dataclass(frozen=True, slots=True)
class Token:
    """One token of an answer, and how likely the model found it."""

    text: str
    """What of its bytes is text."""
    data: bytes
    logprob: float
    likeliest: tuple[Token, ...] = ()
    """The tokens that were the likeliest in its place, as many as were asked for."""


@dataclass(frozen=True, slots=True)
class Delta:
    """The next piece of an answer's text, or of one that stands in its place or before it."""

    text: str
    kind: Literal["text", "refusal", "reasoning"] = "text"
    tokens: tuple[Token, ...] = ()
    """Of a text: its tokens, where the request asks for their log-probabilities."""


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """The next piece of a tool call's arguments, or of a custom tool's input."""

    index: int
    """Which of the answer's calls it is."""
    call_id: str
    name: str
    text: str
    custom: bool = False


@dataclass(frozen=True, slots=True)
class End:
    """The last piece of an answer."""

    finish_reason: str
    tokens: TokenCounts


Piece = Delta | ToolCallDelta | End


class StreamBroken(Exception):  # noqa: N818 - it is no failure: the script asks for it
    """The connection is to be cut here. `rest` is text that is never sent."""

    def __init__(self, rest: str) -> None:
        super().__init__("the stream is broken here, as the script says")
        self.rest = rest


class Model(Protocol):
    """A model that the server offers."""

    @property
    def id(self) -> str:
        """What a request calls it."""

    @property
    def owned_by(self) -> str:
        """Where its answers come from, for /v1/models."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers of every answer."""

    @property
    def slots(self) -> AbstractAsyncContextManager[None]:
        """Held for the length of a request; entering it may raise ApiError with status 429."""

    def check(self, request: ChatRequest) -> None:
        """Refuse what this model cannot do.

        Raises:
            ApiError: status 400, naming the parameter.
        """

    def generate(self, request: ChatRequest, choice: int) -> AsyncGenerator[Piece, None]:
        """Yield one of the answers asked for: deltas, then one End. Closing the generator cancels the work.

        Raises:
            ApiError: before the first piece, or midway.
            StreamBroken: the connection is to be cut.
        """

    def close(self) -> None:
        """Cancel all work and free what the model holds."""
