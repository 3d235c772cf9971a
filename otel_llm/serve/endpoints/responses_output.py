"""The output of the Responses API: pieces of the model become items, and each step becomes an event."""

from __future__ import annotations

import secrets
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, Literal

from otel_llm.serve.models.model import Delta, ToolCallDelta

Event = dict[str, Any]
Status = Literal["in_progress", "completed", "incomplete"]


class Output:
    """The items of one response."""

    def __init__(self) -> None:
        self._items: list[OutputItem] = []
        self._open: OutputItem | None = None

    def take(self, piece: Delta | ToolCallDelta) -> Iterator[Event]:
        """Add the next piece, and yield its events."""
        if self._open is None or not self._open.goes_on_with(piece):
            yield from self.close("completed")
            self._open = _item_for(piece, len(self._items))
            self._items.append(self._open)
            yield from self._open.begin()
        yield from self._open.add(piece)

    def close(self, status: Status) -> Iterator[Event]:
        """End the open item, if there is one, and yield its events."""
        if self._open is not None:
            yield from self._open.end(status)
            self._open = None

    def items(self) -> list[dict[str, Any]]:
        """Return the items so far."""
        return [item.body() for item in self._items]


class OutputItem(ABC):
    """One item, built from pieces."""

    def __init__(self, prefix: str, index: int) -> None:
        self._id = f"{prefix}_{secrets.token_hex(12)}"
        self._index = index
        self._status: Status = "in_progress"
        self._text = ""

    @abstractmethod
    def goes_on_with(self, piece: Delta | ToolCallDelta) -> bool:
        """Return True if a piece belongs to this item."""

    @abstractmethod
    def body(self) -> dict[str, Any]:
        """Return the item."""

    def begin(self) -> Iterator[Event]:
        """Yield the events of the beginning."""
        yield {"type": "response.output_item.added", "output_index": self._index, "item": self.body()}

    def add(self, piece: Delta | ToolCallDelta) -> Iterator[Event]:
        """Yield the event of a piece."""
        self._text += piece.text
        yield self._delta(piece.text)

    @abstractmethod
    def _delta(self, text: str) -> Event:
        """Return the event for the text of a piece."""

    def end(self, status: Status) -> Iterator[Event]:
        """Yield the events of the end."""
        self._status = status
        yield {"type": "response.output_item.done", "output_index": self._index, "item": self.body()}

    def _event(self, kind: str, **fields: Any) -> Event:
        return {"type": f"response.{kind}", "item_id": self._id, "output_index": self._index, **fields}


class _Message(OutputItem):
    """A message with one part, a text or a refusal."""

    def __init__(self, kind: str, index: int) -> None:
        super().__init__("msg", index)
        self._kind = kind
        self._begun = False

    def goes_on_with(self, piece: Delta | ToolCallDelta) -> bool:
        return isinstance(piece, Delta) and piece.kind == self._kind

    def body(self) -> dict[str, Any]:
        content = [self._part()] if self._begun else []
        return {
            "id": self._id, "type": "message", "role": "assistant", "status": self._status, "content": content,
        }  # fmt: skip

    def begin(self) -> Iterator[Event]:
        yield from super().begin()
        self._begun = True
        yield self._event("content_part.added", content_index=0, part=self._part())

    def _delta(self, text: str) -> Event:
        if self._kind == "refusal":
            return self._event("refusal.delta", content_index=0, delta=text)
        return self._event("output_text.delta", content_index=0, delta=text, logprobs=[])

    def end(self, status: Status) -> Iterator[Event]:
        if self._kind == "refusal":
            yield self._event("refusal.done", content_index=0, refusal=self._text)
        else:
            yield self._event("output_text.done", content_index=0, text=self._text, logprobs=[])
        yield self._event("content_part.done", content_index=0, part=self._part())
        yield from super().end(status)

    def _part(self) -> dict[str, Any]:
        if self._kind == "refusal":
            return {"type": "refusal", "refusal": self._text}
        return {"type": "output_text", "text": self._text, "annotations": [], "logprobs": []}


class _Reasoning(OutputItem):
    """Reasoning, shown as a summary."""

    def __init__(self, index: int) -> None:
        super().__init__("rs", index)
        self._begun = False

    def goes_on_with(self, piece: Delta | ToolCallDelta) -> bool:
        return isinstance(piece, Delta) and piece.kind == "reasoning"

    def body(self) -> dict[str, Any]:
        return {"id": self._id, "type": "reasoning", "summary": [self._part()] if self._begun else []}

    def begin(self) -> Iterator[Event]:
        yield from super().begin()
        self._begun = True
        yield self._event("reasoning_summary_part.added", summary_index=0, part=self._part())

    def _delta(self, text: str) -> Event:
        return self._event("reasoning_summary_text.delta", summary_index=0, delta=text)

    def end(self, status: Status) -> Iterator[Event]:
        yield self._event("reasoning_summary_text.done", summary_index=0, text=self._text)
        yield self._event("reasoning_summary_part.done", summary_index=0, part=self._part())
        yield from super().end(status)

    def _part(self) -> dict[str, Any]:
        return {"type": "summary_text", "text": self._text}


class _ToolCall(OutputItem):
    """The call of a function, or of a custom tool."""

    def __init__(self, first: ToolCallDelta, index: int) -> None:
        super().__init__("ctc" if first.custom else "fc", index)
        self._first = first
        self._field = "input" if first.custom else "arguments"
        self._events = "custom_tool_call_input" if first.custom else "function_call_arguments"

    def goes_on_with(self, piece: Delta | ToolCallDelta) -> bool:
        return isinstance(piece, ToolCallDelta) and piece.index == self._first.index

    def body(self) -> dict[str, Any]:
        return {
            "id": self._id, "type": "custom_tool_call" if self._first.custom else "function_call",
            "status": self._status, "call_id": self._first.call_id, "name": self._first.name,
            self._field: self._text,
        }  # fmt: skip

    def _delta(self, text: str) -> Event:
        return self._event(f"{self._events}.delta", delta=text)

    def end(self, status: Status) -> Iterator[Event]:
        yield self._event(f"{self._events}.done", **{self._field: self._text})
        yield from super().end(status)


def _item_for(piece: Delta | ToolCallDelta, index: int) -> OutputItem:
    if isinstance(piece, ToolCallDelta):
        return _ToolCall(piece, index)
    return _Reasoning(index) if piece.kind == "reasoning" else _Message(piece.kind, index)
