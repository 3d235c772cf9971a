"""The bytes of requests under way, over both transports together: memory with a bound."""

from __future__ import annotations

from typing import Self

from otel_llm.receive.refusal import Reason, Refusal


class InFlight:
    """The bytes that requests hold from their first byte to their answer. Used in the event loop."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self.bytes = 0
        """Bytes that are held now."""

    def check(self, length: int) -> None:
        """Return if there is room for `length` more bytes, without taking it.

        Raises:
            Refusal: there is no room now.
        """
        if self.bytes + length > self._max_bytes:
            raise Refusal(
                Reason.OVERLOAD,
                f"{self.bytes} bytes of requests are under way, and {length} more would be above "
                f"receive.max_in_flight_bytes ({self._max_bytes}): try again",
            )


class Hold:
    """The bytes that one request holds. Leaving the context releases them."""

    def __init__(self, total: InFlight) -> None:
        self._total = total
        self._length = 0

    def resize(self, length: int) -> None:
        """Hold `length` bytes in place of the bytes held before.

        Raises:
            Refusal: there is no room now; the bytes held before stay held.
        """
        if length > self._length:
            self._total.check(length - self._length)
        self._total.bytes += length - self._length
        self._length = length

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.resize(0)
