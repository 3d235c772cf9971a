"""The endpoint POST /v1/chat/completions."""

from __future__ import annotations

from typing import ClassVar

from starlette.requests import Request
from starlette.types import Send

from otel_llm.serve.endpoints.chat_answer import AnswerSender, StreamedAnswer, WholeAnswer
from otel_llm.serve.endpoints.endpoint import ModelEndpoint
from otel_llm.serve.endpoints.generation import generate
from otel_llm.serve.endpoints.metrics import RequestMeasurement
from otel_llm.serve.http.body import read_json
from otel_llm.serve.models.model import Model
from otel_llm.serve.models.request import ChatRequest, parse


class ChatCompletions(ModelEndpoint[ChatRequest]):
    """The endpoint."""

    operation: ClassVar[str] = "chat"

    async def read(self, request: Request, limit_bytes: int) -> ChatRequest:
        """Return the request in the body."""
        return parse(await read_json(request, limit_bytes))

    async def answer(self, model: Model, asked: ChatRequest, measured: RequestMeasurement, send: Send) -> None:
        """Send the answer of the model."""
        kind = StreamedAnswer if asked.stream else WholeAnswer
        answer: AnswerSender = kind(asked, model.headers, send)
        await generate(model, asked, answer, measured)
