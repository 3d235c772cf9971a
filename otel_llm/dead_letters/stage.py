"""The step of the service at which a request could not be processed."""

from __future__ import annotations

from typing import Final, Literal, get_args

Stage = Literal["decode", "evaluate", "forward", "events"]
"""Reading, evaluating, forwarding, or sending the events of an evaluation."""
STAGES: Final[tuple[Stage, ...]] = get_args(Stage)
