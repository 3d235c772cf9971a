"""POST /v1/completions, the older API: the prompt becomes a user message, the answer becomes the text."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.types import Send

from otel_llm import names
from otel_llm.serve.endpoints.chat_answer import AnswerSender
from otel_llm.serve.endpoints.endpoint import ModelEndpoint
from otel_llm.serve.endpoints.generation import generate
from otel_llm.serve.endpoints.metrics import RequestMeasurement
from otel_llm.serve.http.api_error import ApiError
from otel_llm.serve.http.body import read_json
from otel_llm.serve.http.response_body import ChunkStream, send_object
from otel_llm.serve.models.model import Delta, End, Model, Piece
from otel_llm.serve.models.request import MAX_CHOICES, STRICT, ChatMessage, ChatRequest, StreamOptions, parse_as


class CompletionRequest(BaseModel):
    """The body of a request. One prompt only, and no tokens.

    Source: the OpenAI API reference, "Create completion (legacy)", read in November 2026.
    """

    model_config = STRICT

    model: str
    prompt: str | Annotated[list[str], Field(min_length=1, max_length=1)]
    echo: bool | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    n: Annotated[int, Field(ge=1, le=MAX_CHOICES)] | None = None
    stop: str | Annotated[list[str], Field(max_length=4)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    presence_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    frequency_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    seed: int | None = None
    user: str | None = None

    @property
    def text(self) -> str:
        """The prompt."""
        return self.prompt if isinstance(self.prompt, str) else self.prompt[0]

    def as_chat(self) -> ChatRequest:
        """Return the chat request with the same meaning."""
        message = ChatMessage(role="user", content=self.text)
        return ChatRequest(messages=[message], **self.model_dump(exclude={"prompt", "echo"}, exclude_none=True))


class TextCompletions(ModelEndpoint[CompletionRequest]):
    """The endpoint."""

    operation: ClassVar[str] = names.TEXT_COMPLETION

    async def read(self, request: Request, limit_bytes: int) -> CompletionRequest:
        """Return the request in the body."""
        asked = parse_as(CompletionRequest, await read_json(request, limit_bytes))
        if asked.stream_options is not None and not asked.stream:
            raise ApiError(400, "stream_options is allowed with stream=true only", param="stream_options")
        return asked

    async def answer(
        self, model: Model, asked: CompletionRequest, measured: RequestMeasurement, send: Send
    ) -> None:
        """Send the answer of the model."""
        kind = _StreamedCompletion if asked.stream else _WholeCompletion
        request = asked.as_chat()
        answer: AnswerSender = kind(asked, request, model.headers, send)
        await generate(model, request, answer, measured)


class _StreamedCompletion:
    """Server-sent events: for each choice the echo, its pieces, its finish; then usage, if asked for."""

    def __init__(
        self, asked: CompletionRequest, request: ChatRequest, headers: Mapping[str, str], send: Send
    ) -> None:
        common = _common(asked.model)
        self._stream = ChunkStream(send, headers, common, include_usage=request.include_usage)
        self._echo = asked.text if asked.echo else ""
        self._echoed: set[int] = set()
        self._ends: list[End] = []

    async def put(self, choice: int, piece: Piece) -> None:
        """Send the chunk of a piece."""
        if self._echo and choice not in self._echoed:
            self._echoed.add(choice)
            await self._stream.chunk(_choice(choice, self._echo, None))
        if isinstance(piece, End):
            self._ends.append(piece)
            await self._stream.chunk(_choice(choice, "", piece.finish_reason))
        elif isinstance(piece, Delta) and piece.kind == "text":
            await self._stream.chunk(_choice(choice, piece.text, None))

    async def finish(self) -> None:
        """Send the usage chunk, if asked for, and the end of the stream."""
        await self._stream.finish(_usage(self._ends))

    async def cut(self, choice: int, rest: str) -> None:
        """Begin the response, and leave its chunked body without a terminator."""
        await self._stream.start()

    async def fail(self, error: ApiError) -> None:
        """Send the error as an event, and end without [DONE]."""
        await self._stream.fail(error)


class _WholeCompletion:
    """One JSON object, sent when every choice is complete."""

    def __init__(
        self, asked: CompletionRequest, request: ChatRequest, headers: Mapping[str, str], send: Send
    ) -> None:
        self._headers = headers
        self._send = send
        self._common = _common(asked.model)
        self._texts = [asked.text if asked.echo else ""] * request.choices
        self._ends: list[End | None] = [None] * request.choices

    async def put(self, choice: int, piece: Piece) -> None:
        """Keep the piece."""
        if isinstance(piece, End):
            self._ends[choice] = piece
        elif isinstance(piece, Delta) and piece.kind == "text":
            self._texts[choice] += piece.text

    async def finish(self) -> None:
        """Send the object."""
        await self._respond(whole=True)

    async def cut(self, choice: int, rest: str) -> None:
        """Send half of the object, shorter than its content-length."""
        self._texts[choice] += rest
        await self._respond(whole=False)

    async def fail(self, error: ApiError) -> None:
        """Raise the error: the response has not started, so that the status can report it."""
        raise error

    async def _respond(self, *, whole: bool) -> None:
        choices = [
            _choice(index, text, end.finish_reason if end else "stop")
            for index, (text, end) in enumerate(zip(self._texts, self._ends, strict=True))
        ]
        usage = _usage([end for end in self._ends if end is not None])
        body = {**self._common, "choices": choices, "usage": usage}
        await send_object(self._send, self._headers, body, whole=whole)


def _common(model: str) -> dict[str, Any]:
    return {
        "id": f"cmpl-{secrets.token_hex(12)}",
        "object": "text_completion",
        "created": int(time.time()),
        "model": model,
    }


def _choice(index: int, text: str, finish_reason: str | None) -> dict[str, Any]:
    return {"index": index, "text": text, "logprobs": None, "finish_reason": finish_reason}


def _usage(ends: list[End]) -> dict[str, int]:
    # the prompt counts once, whatever the number of choices
    prompt = max((end.tokens.prompt for end in ends), default=0)
    completion = sum(end.tokens.completion for end in ends)
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
