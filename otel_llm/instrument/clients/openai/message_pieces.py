"""One message of a chat stream, joined from its deltas."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Final

from otel_llm.instrument.clients.formats.fields import fields_of, listed
from otel_llm.instrument.clients.formats.openai_chat import REASONING, TEXTS
from otel_llm.instrument.clients.formats.parts import plain, written
from otel_llm.instrument.clients.openai.tool_call_pieces import ToolCall, ToolCalls

_TEXTS: Final = frozenset({"content", "refusal", *REASONING})


class MessagePieces:
    """A message so far."""

    def __init__(self) -> None:
        self._texts: dict[str, list[str]] = {}
        self._parts: list[Mapping[str, Any]] = []
        self._tool_calls = ToolCalls()
        self._function_call: ToolCall | None = None
        self._audio: list[Mapping[str, Any]] = []
        self._has_delta = False

    def add(self, delta: Any, message: Any = None) -> None:
        """Add a choice's delta; or the choice's message, for servers that stream messages in place of deltas."""
        if delta is not None:
            self._has_delta = True
        elif self._has_delta:  # the whole message, at the end of the stream
            return
        for name, value in fields_of(message if delta is None else delta).items():
            if value is None:
                continue
            if name in _TEXTS:
                self._add_text(name, value)
            elif name == "tool_calls":
                self._tool_calls.add(value)
            elif name == "function_call":
                self._function_call = self._function_call or ToolCall()
                self._function_call.add({"function": value})
            elif name == "audio":
                self._audio.append(plain(value))

    def _add_text(self, name: str, value: Any) -> None:
        if isinstance(value, str):
            self._texts.setdefault(name, []).append(value)
        elif name != "content":
            self._texts.setdefault(name, []).append(written(value))
        else:  # a list of items, as Mistral's models stream that think
            for item in listed(value) or (value,):
                self._add_item(item)

    def _add_item(self, item: Any) -> None:
        fields = plain(item)
        kind = fields.get("type")
        if isinstance(item, str) or kind in TEXTS or (kind is None and "text" in fields):
            self._texts.setdefault("content", []).append(written(item))
        elif kind == "refusal":
            self._texts.setdefault(kind, []).append(written(fields.get(kind)))
        elif kind in {"thinking", "reasoning"}:
            self._texts.setdefault("reasoning", []).append(written(item))
        elif kind is not None:
            self._parts.append(fields)

    def message(self) -> dict[str, Any]:
        """Return the message in the form of a message that is not streamed."""
        message: dict[str, Any] = {name: "".join(texts) for name, texts in self._texts.items()}
        if self._parts:
            text = message.get("content")
            message["content"] = [*([text] if text else ()), *self._parts]
        message["tool_calls"] = self._tool_calls.calls()
        if self._function_call is not None:
            message["function_call"] = self._function_call.call()["function"]
        if self._audio:
            message["audio"] = _joined(self._audio)
        return message


def _joined(audio: list[Mapping[str, Any]]) -> dict[str, Any]:
    """Return audio in one piece. Each piece is base64 by itself, perhaps with padding."""
    data = b"".join(base64.b64decode(piece.get("data") or "") for piece in audio)
    return {
        "id": next((piece["id"] for piece in audio if piece.get("id")), None),
        "data": base64.b64encode(data).decode("ascii"),
        "transcript": "".join(piece.get("transcript") or "" for piece in audio),
    }
