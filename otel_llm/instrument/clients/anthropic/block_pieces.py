"""The blocks of a streamed message, joined from their deltas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from otel_llm.instrument.clients.formats.fields import fields_of
from otel_llm.instrument.clients.formats.parts import from_json, plain

# by the delta's field: the block's field for the joined pieces
_PIECES: Final = {"text": "text", "thinking": "thinking", "content": "content"}
_JSON: Final = "partial_json"


class BlockPieces:
    """The blocks of a message so far."""

    def __init__(self) -> None:
        self._blocks: dict[int, _Block] = {}

    def start(self, event: Any) -> None:
        """Add the event that opens a block."""
        self._blocks[event.index] = _Block(event.content_block)

    def add(self, event: Any) -> None:
        """Add an event with a piece of a block."""
        if (block := self._blocks.get(event.index)) is not None:
            block.add(fields_of(event.delta))

    def blocks(self) -> list[Mapping[str, Any]]:
        """Return the blocks in the form of a message that is not streamed."""
        return [self._blocks[index].whole() for index in sorted(self._blocks)]


class _Block:
    """One block: the block of its first event, and the pieces that came later."""

    def __init__(self, start: Any) -> None:
        # a copy: the client's own helpers change the block of the event
        self._start = dict(plain(start))
        self._pieces: dict[str, list[str]] = {}

    def add(self, delta: Mapping[str, Any]) -> None:
        for name in (*_PIECES, _JSON):
            if isinstance(piece := delta.get(name), str):
                self._pieces.setdefault(name, []).append(piece)

    def whole(self) -> Mapping[str, Any]:
        block = dict(self._start)
        for name, pieces in self._pieces.items():
            if name == _JSON:
                block["input"] = from_json("".join(pieces))
            else:
                block[_PIECES[name]] = str(block.get(_PIECES[name]) or "") + "".join(pieces)
        return block
