"""The model `scripted`: answers and faults by rule, for tests and demonstrations."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Final

from otel_llm.serve.http.api_error import ApiError
from otel_llm.serve.models.model import Piece, StreamBroken
from otel_llm.serve.models.request import ChatRequest, refuse
from otel_llm.serve.models.script import Script, ScriptRule
from otel_llm.serve.models.scripted_answer import scripted_answer

# Parameters that are refused, for the answer would lack their effect. Those that only change the text (tools, a
# response format) are accepted: the script decides on the text.
_REFUSED: Final = (
    "top_logprobs", "functions", "function_call", "audio", "modalities", "web_search_options",
)  # fmt: skip


class ScriptedModel:
    """Answers by the rules of a script; by default, any number of requests at once. Used in the event loop alone.

    State: the number of requests that have failed by each rule with `fail_times`.
    """

    id = "scripted"
    owned_by = "otel-llm (scripted)"
    headers: Mapping[str, str] = {"x-otel-llm-scripted": "true"}

    def __init__(self, script: Script, slots: AbstractAsyncContextManager[None] | None = None) -> None:
        self._script = script
        self._failed: dict[int, int] = {}
        self.slots: AbstractAsyncContextManager[None] = slots or nullcontext()

    def check(self, request: ChatRequest) -> None:
        """Refuse parameters that no script can answer."""
        refuse(request, _REFUSED, self.id)

    async def generate(self, request: ChatRequest, choice: int) -> AsyncGenerator[Piece, None]:
        """Yield the answer of the rule for the last user message, word by word; all choices are the same."""
        rule = self._script.rule_for(request.last_user_text)
        await asyncio.sleep(rule.delay_s)
        failure = self._failure(rule, choice)
        fail_after = rule.fail_after_chunks if request.stream else None
        if failure is not None and fail_after is None:
            raise failure
        answer = scripted_answer(rule, request)
        for number, piece in enumerate(answer.pieces):
            if failure is not None and number == fail_after:
                raise failure
            if number == rule.break_after_chunks:
                raise StreamBroken("".join(later.text for later in answer.pieces[number:]))
            if number and request.stream:
                await asyncio.sleep(rule.chunk_delay_s)
            yield piece
        if failure is not None:
            raise failure
        if rule.break_after_chunks is not None:
            raise StreamBroken("")
        yield answer.end

    async def rule_for(self, text: str) -> ScriptRule:
        """Return the rule for a text, after its delay.

        Raises:
            ApiError: the rule answers with an error.
        """
        rule = self._script.rule_for(text)
        await asyncio.sleep(rule.delay_s)
        if (failure := self._failure(rule, choice=0)) is not None:
            raise failure
        return rule

    def close(self) -> None:
        """Do nothing: there is no memory to free."""

    def _failure(self, rule: ScriptRule, choice: int) -> ApiError | None:
        """Return the error of the rule, and count it; None if this request gets an answer."""
        if rule.status is None:
            return None
        headers = {}
        if rule.fail_times is not None:
            failed = self._failed.get(id(rule), 0)
            if choice > 0 or failed >= rule.fail_times:  # only the first choice fails: it fails the whole request
                return None
            self._failed[id(rule)] = failed + 1
            headers["retry-after-ms"] = "1"  # else a client waits half a second before it tries again
        error = rule.error
        return ApiError(
            rule.status, error.message, type=error.type, param=error.param, code=error.code, headers=headers
        )
