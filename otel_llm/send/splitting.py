"""A request that is too large for its receiver is split into parts; and the items of a request are counted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from otel_llm.errors import DecodeError
from otel_llm.otlp.requests import count_points, read_request, scopes
from otel_llm.otlp.signals import Signal

_FRAME_BYTES: Final = 16
"""The most bytes that protobuf adds around a nested message: tag and length."""


def split(signal: Signal, body: bytes, max_bytes: int) -> Iterator[bytes]:
    """Yield requests of up to `max_bytes` with all items of a serialized Export*ServiceRequest, in their order.

    Two kinds of parts are larger: an item that is too large alone, and all items of a scope whose resource, which
    each part must repeat, needs more than half of `max_bytes`.

    Raises:
        DecodeError: the body is no request of that signal.
    """
    request = read_request(signal, body)
    part, size = type(request)(), 0
    for resource in request.resources:
        bare = _without(resource, "scopes")
        for scope in resource.scopes:
            frame = type(resource)()
            frame.CopyFrom(bare)
            frame.scopes.append(_without(scope, "items"))
            frame_bytes = frame.ByteSize() + 3 * _FRAME_BYTES
            if frame_bytes > max_bytes // 2 and scope.items:
                if size:
                    yield part.SerializeToString()
                frame.scopes[0].items.extend(scope.items)
                yield type(request)(resources=[frame]).SerializeToString()
                part, size = type(request)(), 0
                continue
            items: Any = None
            for item in scope.items:
                needed = len(item) + _FRAME_BYTES + (0 if items is not None else frame_bytes)
                if size and size + needed > max_bytes:
                    yield part.SerializeToString()
                    part, size, items = type(request)(), 0, None
                    needed = len(item) + _FRAME_BYTES + frame_bytes
                if items is None:
                    entry = part.resources.add()
                    entry.CopyFrom(frame)
                    items = entry.scopes[0].items
                items.append(item)
                size += needed
    if size:
        yield part.SerializeToString()


def count_items(signal: Signal, body: bytes) -> int:
    """Return the number of spans, log records or data points in a request; a malformed metric counts as one.

    Raises:
        DecodeError: the body is no request of that signal.
    """
    found = list(scopes(read_request(signal, body)))
    if signal != "metrics":
        return sum(len(scope.items) for scope in found)
    return sum(_points(item) for scope in found for item in scope.items)


def _points(metric: bytes) -> int:
    try:
        return count_points(metric)
    except DecodeError:
        return 1


def _without(message: Any, field: str) -> Any:
    """Return a copy of the message without the field."""
    copy = type(message)()
    copy.CopyFrom(message)
    copy.ClearField(field)
    return copy
