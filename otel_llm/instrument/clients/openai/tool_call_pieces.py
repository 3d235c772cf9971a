"""The tool calls of a chat stream, joined from their pieces, as servers of many kinds send them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from otel_llm.instrument.clients.formats.fields import fields_of, index_of, listed
from otel_llm.instrument.clients.formats.parts import from_json


class ToolCalls:
    """The tool calls of a message so far."""

    def __init__(self) -> None:
        self._calls: list[ToolCall] = []

    def add(self, pieces: Any) -> None:
        """Add the pieces of one delta."""
        for piece in listed(pieces):
            if fields := fields_of(piece):
                self._call_of(fields).add(fields)

    def calls(self) -> list[dict[str, Any]]:
        """Return the calls in order, in the form of calls that are not streamed."""
        return [call.call() for call in sorted(self._calls, key=lambda call: call.index or 0)]

    def _call_of(self, piece: Mapping[str, Any]) -> ToolCall:
        """Return the call of a piece: some servers give all calls the same index, others no index or no ids."""
        index, call_id, name = index_of(piece.get("index")), piece.get("id"), _function(piece).get("name")
        for call in reversed(self._calls):
            if index is not None and index != call.index:
                continue
            # the first piece of a call has its name; a new id without a name is an id of the piece
            if call_id and name and call.id not in (None, call_id):
                continue
            if index is None and name and (not call_id or call.id is None) and name != call.name:
                continue
            return call
        self._calls.append(ToolCall(index))
        return self._calls[-1]


class ToolCall:
    """One call of a function or of a custom tool, in pieces."""

    def __init__(self, index: int | None = None) -> None:
        self.index = index
        self.id: str | None = None
        self.name = ""
        self._kind = "function"
        self._arguments: list[str] = []

    def add(self, piece: Mapping[str, Any]) -> None:
        """Add a piece. Only arguments come in pieces: a name that comes again replaces the earlier name."""
        self.id = self.id or piece.get("id")
        if piece.get("custom") is not None:
            self._kind = "custom"
        held = _function(piece)
        self.name = held.get("name") or self.name
        arguments = held.get("arguments") or held.get("input")
        if arguments:
            self._arguments.append(arguments if isinstance(arguments, str) else json.dumps(arguments, default=str))

    def call(self) -> dict[str, Any]:
        """Return the call in the form of a call that is not streamed."""
        if self._kind == "custom":
            return {"id": self.id, "custom": {"name": self.name, "input": "".join(self._arguments)}}
        return {"id": self.id, "function": {"name": self.name, "arguments": _joined(self._arguments)}}


def _function(piece: Mapping[str, Any]) -> Mapping[str, Any]:
    # the client declares no class for the pieces of a custom tool's call
    return fields_of(piece.get("custom") if piece.get("custom") is not None else piece.get("function"))


def _joined(pieces: list[str]) -> str:
    """Return the arguments. Some servers repeat them with each chunk, others begin with an empty object."""
    whole = "".join(pieces)
    if len(pieces) < 2 or _is_object(whole) or not pieces[0].lstrip().startswith("{"):
        return whole
    *before, last = pieces
    if all(later.startswith(earlier) for earlier, later in pairwise(pieces)):
        return last
    first, rest = "".join(before), whole.removeprefix(pieces[0])
    if last == first or (_is_object(first) and _is_object(last)):
        return last
    return rest if _is_object(pieces[0]) and _is_object(rest) else whole


def _is_object(text: str) -> bool:
    return isinstance(from_json(text), dict)
