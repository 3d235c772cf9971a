"""The interface of a model: one request, one or several choices, piece by piece."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Literal, Protocol

from otel_llm.serve.models.request import ChatRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCounts:
    """Token counts of one choice."""

    prompt: int
    completion: int
    cached: int = 0
    """Tokens of the prompt that were read from a cache."""
    cache_write: int = 0
    """Tokens of the prompt that were written to a cache."""
    prompt_audio: int = 0
    prompt_image: int = 0
    completion_audio: int = 0
    reasoning: int = 0
    """Tokens of the completion that are hidden reasoning."""


@dataclass(frozen=True, slots=True)
class Token:
    """One token of an answer, with its probability."""

    text: str
    """The bytes as text."""
    data: bytes
    logprob: float
    likeliest: tuple[Token, ...] = ()
    """The likeliest tokens in its place, as many as were asked for."""


@dataclass(frozen=True, slots=True)
class Delta:
    """The next piece of a text: of the answer, a refusal or the reasoning."""

    text: str
    kind: Literal["text", "refusal", "reasoning"] = "text"
    tokens: tuple[Token, ...] = ()
    """Tokens of the text, if the request asks for log-probabilities."""


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """The next piece of the arguments of a tool call, or of the input of a custom tool."""

    index: int
    """Index of the call within the answer."""
    call_id: str
    name: str
    text: str
    custom: bool = False


@dataclass(frozen=True, slots=True)
class End:
    """The last piece of a choice."""

    finish_reason: str
    tokens: TokenCounts


Piece = Delta | ToolCallDelta | End


class StreamBroken(Exception):  # noqa: N818 - it is no failure: the script asks for it
    """Asks to cut the connection here. `rest` is the text that is never sent."""

    def __init__(self, rest: str) -> None:
        super().__init__("the stream is broken here, as the script says")
        self.rest = rest


class Model(Protocol):
    """A model of the server. Called in the event loop."""

    @property
    def id(self) -> str:
        """The id of the model in requests."""

    @property
    def owned_by(self) -> str:
        """Owner of the model, for /v1/models."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers for every answer."""

    @property
    def slots(self) -> AbstractAsyncContextManager[None]:
        """Context to hold during a request; entering it may raise ApiError with status 429."""

    def check(self, request: ChatRequest) -> None:
        """Refuse a request that this model cannot answer.

        Raises:
            ApiError: status 400, naming the parameter.
        """

    def generate(self, request: ChatRequest, choice: int) -> AsyncGenerator[Piece, None]:
        """Yield the pieces of one choice: deltas, then one End. Closing the generator cancels the work.

        Raises:
            ApiError: before the first piece, or midway.
            StreamBroken: the connection is to be cut.
        """

    def close(self) -> None:
        """Cancel all work, and free the memory of the model."""
