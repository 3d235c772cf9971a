"""What could not be read of a call: kept with the call, so that it is counted and said without any content."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

Side = Literal["input", "output", "system", "documents"]
ProblemReason = Literal["cut", "malformed", "message", "part"]
"""`cut`: the end of the content is missing. `malformed`: the attribute, or its rest, cannot be read.
`message`, `part`: one of them is left out, the others are read."""

_ROLES: Final = {"output": "assistant", "system": "system"}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that could not be read."""

    side: Side
    """The part of the call that the attribute fills."""
    attribute: str
    """Name of the attribute; N stands for the numbers in it."""
    reason: ProblemReason


@dataclass(slots=True)
class Problems:
    """The problems of one call, each once."""

    _found: dict[Problem, None] = field(default_factory=dict)

    def note(self, problem: Problem) -> None:
        """Keep a problem."""
        self._found[problem] = None

    def found(self) -> tuple[Problem, ...]:
        """Return the problems in the order in which they came."""
        return tuple(self._found)


@dataclass(frozen=True, slots=True)
class Source:
    """The attribute that is being read."""

    attribute: str
    """Name of the attribute; N stands for the numbers in it."""
    side: Side = "input"
    """The part of the call that the attribute fills."""
    problems: Problems = field(default_factory=Problems)

    @property
    def role(self) -> str:
        """The role of a message that does not say its role."""
        return _ROLES.get(self.side, "user")

    def problem(self, reason: ProblemReason) -> None:
        """Keep a problem of this attribute."""
        self.problems.note(Problem(self.side, self.attribute, reason))
