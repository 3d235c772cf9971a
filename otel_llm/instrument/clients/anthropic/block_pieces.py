"""The blocks of a streamed message, joined from their deltas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from otel_llm.instrument.clients.formats.fields import fields_of, index_of
from otel_llm.instrument.clients.formats.parts import from_json, plain

# by the delta's field: the block's field for the joined pieces
_PIECES: Final = {"text": "text", "thinking": "thinking", "content": "content"}
_JSON: Final = "partial_json"
# by the type of a delta: the type of its block
_KINDS: Final[Mapping[Any, str]] = {"thinking_delta": "thinking", "input_json_delta": "tool_use"}


class BlockPieces:
    """The blocks of a message so far."""

    def __init__(self) -> None:
        self._blocks: list[tuple[int, _Block]] = []
        self._open: dict[int, _Block] = {}
        """The last block of each index: some servers give all blocks the same index."""

    def start(self, event: Any) -> None:
        """Add the event that opens a block."""
        held = fields_of(event)
        index = index_of(held.get("index"))
        self._begin(len(self._blocks) if index is None else index, _Block(held.get("content_block")))

    def add(self, event: Any) -> None:
        """Add an event with a piece of a block. Some servers open no blocks, or leave out the index."""
        held = fields_of(event)
        index, delta = index_of(held.get("index")), fields_of(held.get("delta"))
        if index is None:
            index = self._blocks[-1][0] if self._blocks else 0
        if (block := self._open.get(index)) is None:
            block = self._begin(index, _Block({"type": _KINDS.get(delta.get("type"), "text")}))
        block.add(delta)

    def blocks(self) -> list[Mapping[str, Any]]:
        """Return the blocks in the form of a message that is not streamed."""
        return [block.whole() for _, block in sorted(self._blocks, key=lambda each: each[0])]

    def _begin(self, index: int, block: _Block) -> _Block:
        self._blocks.append((index, block))
        self._open[index] = block
        return block


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
