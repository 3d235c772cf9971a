"""One message of a chat stream, joined from its deltas."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Final

from otel_llm.instrument.clients.formats.fields import fields_of
from otel_llm.instrument.clients.formats.parts import plain

_TEXTS: Final = ("content", "refusal", "reasoning_content", "reasoning")


class MessagePieces:
    """A message so far."""

    def __init__(self) -> None:
        self._texts: dict[str, list[str]] = {}
        self._tool_calls: list[_ToolCall] = []
        self._function_call: _ToolCall | None = None
        self._audio: list[Mapping[str, Any]] = []

    def add(self, delta: Any) -> None:
        """Add a choice's delta."""
        held = fields_of(delta)
        for name in _TEXTS:
            if isinstance(text := held.get(name), str):
                self._texts.setdefault(name, []).append(text)
        for piece in held.get("tool_calls") or ():
            fields = fields_of(piece)
            self._tool_call(fields.get("index"), fields.get("id")).add(fields)
        if (call := held.get("function_call")) is not None:
            self._function_call = self._function_call or _ToolCall()
            self._function_call.add({"function": call})
        if (audio := held.get("audio")) is not None:
            self._audio.append(plain(audio))

    def message(self) -> dict[str, Any]:
        """Return the message in the form of a message that is not streamed."""
        message: dict[str, Any] = {name: "".join(texts) for name, texts in self._texts.items()}
        message["tool_calls"] = [
            call.call() for call in sorted(self._tool_calls, key=lambda call: call.index or 0)
        ]
        if self._function_call is not None:
            message["function_call"] = self._function_call.call()["function"]
        if self._audio:
            message["audio"] = _joined(self._audio)
        return message

    def _tool_call(self, index: int | None, call_id: str | None) -> _ToolCall:
        """Return the call of a piece. Some servers give all calls the same index, others give no index."""
        for call in reversed(self._tool_calls):
            if index in (None, call.index) and (not call_id or call.id in (None, call_id)):
                return call
        self._tool_calls.append(_ToolCall(index))
        return self._tool_calls[-1]


class _ToolCall:
    """One call of a function or of a custom tool, in pieces."""

    def __init__(self, index: int | None = None) -> None:
        self.index = index
        self.id: str | None = None
        self._kind = "function"
        self._name = ""
        self._arguments: list[str] = []

    def add(self, piece: Mapping[str, Any]) -> None:
        self.id = piece.get("id") or self.id
        if piece.get("custom") is not None:
            self._kind = "custom"
        of = piece.get(self._kind)
        # the client declares no class for the pieces of a custom tool's call: these are mappings
        held = of if isinstance(of, Mapping) else fields_of(of)
        self._name += held.get("name") or ""
        self._arguments.append(held.get("arguments") or held.get("input") or "")

    def call(self) -> dict[str, Any]:
        field = "arguments" if self._kind == "function" else "input"
        return {"id": self.id, self._kind: {"name": self._name, field: "".join(self._arguments)}}


def _joined(audio: list[Mapping[str, Any]]) -> dict[str, Any]:
    """Return audio in one piece. Each piece is base64 by itself, perhaps with padding."""
    data = b"".join(base64.b64decode(piece.get("data") or "") for piece in audio)
    return {
        "id": next((piece["id"] for piece in audio if piece.get("id")), None),
        "data": base64.b64encode(data).decode("ascii"),
        "transcript": "".join(piece.get("transcript") or "" for piece in audio),
    }
