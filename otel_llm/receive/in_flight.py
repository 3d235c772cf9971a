"""How many bytes of requests are under way at once, over both transports: memory that has a bound."""

from __future__ import annotations

from typing import Self

from otel_llm.receive.refusal import Reason, Refusal


class InFlight:
    """The bytes that requests hold from their first byte to their answer."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self.bytes = 0
        """What is held now."""

    def check(self, length: int) -> None:
        """Find room for so many more bytes, and leave it free.

        Raises:
            Refusal: there is none now.
        """
        if self.bytes + length > self._max_bytes:
            raise Refusal(
                Reason.OVERLOAD,
                f"{self.bytes} bytes of requests are under way, and {length} more would be above "
                f"receive.max_in_flight_bytes ({self._max_bytes}): try again",
            )


class Hold:
    """What one request holds, for as long as its context is open."""

    def __init__(self, total: InFlight) -> None:
        self._total = total
        self._length = 0

    def resize(self, length: int) -> None:
        """Hold so many bytes from now on.

        Raises:
            Refusal: there is no room for them now; what was held before still is.
        """
        if length > self._length:
            self._total.check(length - self._length)
        self._total.bytes += length - self._length
        self._length = length

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.resize(0)
