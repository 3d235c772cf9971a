"""The header of a dead letter that is sent again, and which dead letters this service takes."""

from __future__ import annotations

from typing import Final

from otel_llm.otlp.signals import Signal
from otel_llm.receive.refusal import Reason, Refusal

REPLAY_HEADER: Final = "x-otel-llm-replay"
"""Name of the header; its value is the stage of the dead letter."""


def is_replayed(signal: Signal, stage: str | None, *, forwards: bool) -> bool:
    """Return True for a dead letter that is to be evaluated.

    False for a request without the header, and for a dead letter that is to be forwarded only.

    Args:
        signal: the signal of the request.
        stage: the value of the header; None where the request has no such header.
        forwards: True if this service forwards requests.

    Raises:
        Refusal: this service has no use for the dead letter.
    """
    if stage not in {None, "decode", "evaluate", "forward", "events"} or (stage and signal == "metrics"):
        raise Refusal(
            Reason.MALFORMED,
            f"{REPLAY_HEADER} must be the stage of a dead letter of spans or log records, got {stage!r:.40}",
        )
    if stage == "events":
        raise Refusal(
            Reason.NOT_TAKEN, "dead letters of stage events are for the receiver that events.endpoint names"
        )
    if stage == "forward" and not forwards:
        raise Refusal(Reason.NOT_TAKEN, "nothing is passed on from here: forward.endpoint is not set")
    return stage in {"decode", "evaluate"}
