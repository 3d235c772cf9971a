"""The answer of a receiver to one attempt, the same for both transports."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from otel_llm.otlp.signals import SIGNALS, Signal
from otel_llm.version import __version__

USER_AGENT: Final = f"OTel-OTLP-Exporter-otel-llm/{__version__}"
"""Source: opentelemetry-specification, protocol/exporter.md, "User Agent"."""


class Reply(NamedTuple):
    """The result of one attempt."""

    kind: Literal["delivered", "retry", "refused"]
    reason: str = ""
    """Why items were not delivered."""
    retry_after_s: float = 0.0
    """Seconds that the receiver asks to wait."""
    rejected: int = 0
    """Items that the receiver left out of a request that it took (OTLP's partial success)."""
    for_all: bool = False
    """True if the reply is about the sender, whatever it sends: a limit that is reached, a permission that is
    missing. Another tenant or another signal may get another reply."""
    later: bytes = b""
    """Delivered: a request with the items that the receiver cannot take yet, and may take soon."""
    later_items: int = 0


def delivered(signal: Signal, body: bytes) -> Reply:
    """Return the reply in an Export*ServiceResponse.

    Raises:
        google.protobuf.message.DecodeError: the body is no such response.
    """
    facts = SIGNALS[signal]
    partial = facts.response.FromString(body).partial_success  # type: ignore[attr-defined]
    return Reply("delivered", partial.error_message, rejected=max(0, getattr(partial, facts.rejected)))
