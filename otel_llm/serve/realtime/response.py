"""One response of the Realtime API: the events that send the answer of a model."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable
from typing import Any, Literal

from otel_llm.serve.endpoints.metrics import RequestMeasurement
from otel_llm.serve.http.api_error import ApiError
from otel_llm.serve.models.model import Delta, End, Model, TokenCounts, ToolCallDelta
from otel_llm.serve.models.request import ChatRequest
from otel_llm.serve.realtime.audio import spoken
from otel_llm.serve.realtime.request import ItemContent, RealtimeItem

Emit = Callable[..., Awaitable[None]]
CancelReason = Literal["turn_detected", "client_cancelled"]

_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}


class RealtimeResponse:
    """A response in progress. Used by its own task; other tasks of the session may call `cancel`.

    in_progress ──End──▶ completed or incomplete
         ├─── error ───▶ failed
         └─── cancel ──▶ cancelled
    """

    def __init__(
        self, shown: dict[str, Any], emit: Emit, keep: Callable[[RealtimeItem], Awaitable[None]] | None
    ) -> None:
        """Args: the response in the form of its events; the sender of events; the keeper of items, or None."""
        self.id = f"resp_{secrets.token_hex(12)}"
        self.task: asyncio.Task[None] | None = None
        self.cancelled: CancelReason | None = None
        self._speaks = shown["output_modalities"] == ["audio"]
        self._shown = {"object": "realtime.response", "id": self.id, **shown}
        self._emit = emit
        self._keep = keep
        self._ended = False
        self._items: list[RealtimeItem] = []
        self._pieces: list[str] = []

    @property
    def is_of_conversation(self) -> bool:
        """True if the items become part of the conversation; only one such response runs at a time."""
        return self._keep is not None

    @property
    def is_in_progress(self) -> bool:
        """True until the end of the response."""
        return not self._ended and self.cancelled is None

    def cancel(self, reason: CancelReason) -> None:
        """End the response soon."""
        self.cancelled = reason
        if self.task is not None:
            self.task.cancel()

    async def run(self, model: Model, request: ChatRequest, measured: RequestMeasurement) -> None:
        """Send all events of the response.

        Raises:
            StreamBroken: the rule asks to cut the connection.
        """
        await self._emit("response.created", response=self._as("in_progress"))
        # no limits: every request is allowed
        await self._emit("rate_limits.updated", rate_limits=[])
        try:
            end = await self._generate(model, request, measured)
        except ApiError as error:
            measured.error_type = str(error.status)
            said = error.body["error"]
            failure = {key: said[key] or None for key in ("type", "code", "message")}
            await self._end("failed", {"error": failure})
        except asyncio.CancelledError:
            if self.cancelled is None:  # the connection ends, not the response
                raise
            await self._end("cancelled", {"reason": self.cancelled})
        else:
            reason = _INCOMPLETE.get(end.finish_reason)
            usage = _usage(end.tokens)
            if reason is None:
                await self._end("completed", {}, usage)
            else:
                await self._end("incomplete", {"reason": reason}, usage)

    async def _generate(self, model: Model, request: ChatRequest, measured: RequestMeasurement) -> End:
        model.check(request)
        async with model.slots, contextlib.aclosing(model.generate(request, 0)) as pieces:
            async for piece in pieces:
                measured.piece(0, piece)
                if isinstance(piece, End):
                    return piece
                if isinstance(piece, ToolCallDelta):
                    await self._put_arguments(piece)
                elif piece.kind != "reasoning":  # no event shows these pieces
                    await self._put_text(piece)
        raise ApiError(500, "the model's answer has no end")

    async def _put_text(self, delta: Delta) -> None:
        if not self._items or self._items[-1].type != "message":
            await self._begin(RealtimeItem(type="message", role="assistant", status="in_progress", content=[]))
            await self._of_item("response.content_part.added", content_index=0, part=self._part(""))
        self._pieces.append(delta.text)
        if self._speaks:
            await self._of_item("response.output_audio_transcript.delta", content_index=0, delta=delta.text)
            await self._of_item("response.output_audio.delta", content_index=0, delta=spoken(delta.text))
        else:
            await self._of_item("response.output_text.delta", content_index=0, delta=delta.text)

    async def _put_arguments(self, delta: ToolCallDelta) -> None:
        if not self._items or self._items[-1].call_id != delta.call_id:
            begun = RealtimeItem(
                type="function_call", status="in_progress", call_id=delta.call_id, name=delta.name
            )
            await self._begin(begun.model_copy(update={"arguments": ""}))
        self._pieces.append(delta.text)
        await self._of_item("response.function_call_arguments.delta", call_id=delta.call_id, delta=delta.text)

    async def _begin(self, item: RealtimeItem) -> None:
        await self._end_item("completed")
        item = item.model_copy(update={"id": f"item_{secrets.token_hex(10)}"})
        self._items.append(item)
        self._pieces = []
        await self._emit(
            "response.output_item.added",
            response_id=self.id,
            output_index=len(self._items) - 1,
            item=item.shown(),
        )

    async def _end_item(self, status: Literal["completed", "incomplete"]) -> None:
        if not self._items or self._items[-1].status != "in_progress":
            return
        text, item = "".join(self._pieces), self._items[-1]
        if item.type == "message":
            if self._speaks:
                content = ItemContent(type="output_audio", transcript=text)
            else:
                content = ItemContent(type="output_text", text=text)
            item = item.model_copy(update={"content": [content], "status": status})
            if self._speaks:
                await self._of_item("response.output_audio_transcript.done", content_index=0, transcript=text)
                await self._of_item("response.output_audio.done", content_index=0)
            else:
                await self._of_item("response.output_text.done", content_index=0, text=text)
            await self._of_item("response.content_part.done", content_index=0, part=self._part(text))
        else:
            item = item.model_copy(update={"arguments": text, "status": status})
            await self._of_item(
                "response.function_call_arguments.done", call_id=item.call_id, name=item.name, arguments=text
            )
        self._items[-1] = item
        if self._keep is not None:
            await self._keep(item)
        await self._emit(
            "response.output_item.done",
            response_id=self.id,
            output_index=len(self._items) - 1,
            item=item.shown(),
        )

    async def _end(self, status: str, details: dict[str, Any], usage: dict[str, Any] | None = None) -> None:
        await self._end_item("completed" if status == "completed" else "incomplete")
        self._ended = True  # before the event is sent: its receiver may ask for the next response at once
        ended = self._as(status) | {"status_details": {"type": status, **details}, "usage": usage}
        await self._emit("response.done", response=ended)

    async def _of_item(self, kind: str, **fields: Any) -> None:
        index = len(self._items) - 1
        item_id = self._items[index].id
        await self._emit(kind, response_id=self.id, item_id=item_id, output_index=index, **fields)

    def _part(self, text: str) -> dict[str, Any]:
        return {"type": "audio", "transcript": text} if self._speaks else {"type": "text", "text": text}

    def _as(self, status: str) -> dict[str, Any]:
        output = [item.shown() for item in self._items]
        return {**self._shown, "status": status, "status_details": None, "output": output, "usage": None}


def _usage(tokens: TokenCounts) -> dict[str, Any]:
    heard = tokens.prompt_audio + tokens.prompt_image
    return {
        "total_tokens": tokens.prompt + tokens.completion,
        "input_tokens": tokens.prompt,
        "output_tokens": tokens.completion,
        "input_token_details": {
            "text_tokens": max(0, tokens.prompt - heard),
            "audio_tokens": tokens.prompt_audio,
            "image_tokens": tokens.prompt_image,
            "cached_tokens": tokens.cached,
            "cached_tokens_details": {"text_tokens": tokens.cached, "audio_tokens": 0, "image_tokens": 0},
        },
        "output_token_details": {
            "text_tokens": max(0, tokens.completion - tokens.completion_audio),
            "audio_tokens": tokens.completion_audio,
        },
    }
