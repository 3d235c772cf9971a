"""The answer of a model, sent piece by piece in the wire format of an endpoint."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Any

from otel_llm.serve.endpoints.chat_answer import AnswerSender
from otel_llm.serve.endpoints.endpoint import cancel
from otel_llm.serve.endpoints.metrics import RequestMeasurement
from otel_llm.serve.http.api_error import ApiError
from otel_llm.serve.models.model import Model, StreamBroken
from otel_llm.serve.models.request import ChatRequest


async def generate(model: Model, request: ChatRequest, answer: AnswerSender, measured: RequestMeasurement) -> None:
    """Let the model generate all choices at the same time, and send them."""
    model.check(request)
    try:
        async with model.slots:
            await _together(
                _pass_on(model, request, choice, answer, measured) for choice in range(request.choices)
            )
        await answer.finish()
    except StreamBroken:
        measured.error_type = StreamBroken.__name__
    except ApiError as error:
        await answer.fail(error)
        measured.error_type = str(error.status)


async def _pass_on(
    model: Model, request: ChatRequest, choice: int, answer: AnswerSender, measured: RequestMeasurement
) -> None:
    async with contextlib.aclosing(model.generate(request, choice)) as pieces:
        try:
            async for piece in pieces:
                measured.piece(choice, piece)
                await answer.put(choice, piece)
        except StreamBroken as broken:
            await answer.cut(choice, broken.rest)
            raise


async def _together(work: Iterable[Any]) -> None:
    """Run coroutines concurrently; the first error cancels the others."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        await cancel(*tasks)
