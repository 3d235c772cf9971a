"""What a client brings to the conformance suite: SUBJECT, in `clients/NAME/NAME_conformance.py`."""

import importlib
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from form import Form

from otel_llm.instrument.lifecycle.patch import client_entry_points

CLIENTS = Path(__file__).parents[1] / "clients"
WAYS = ("sync", "async")


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One client library, its forms of a call, and what answers them."""

    name: str
    """As the entry points of `otel_llm.clients` have it."""
    provider: str
    """Of the client's calls, where a form names no other."""
    forms: tuple[Form, ...]
    serve: Callable[[], AbstractContextManager[str]]
    """Serves the API; gives its URL. What it answers to which question: `question`."""
    make: Callable[[str, str, str], Any]
    """Makes a client that never retries, by provider, way ("sync" or "async") and URL."""
    error: type[Exception]
    """The base class of the client's errors."""

    def question(self, form: Form, way: str, behaviour: str) -> str:
        """Return the question by which the server knows a behaviour.

        - "recorded", "uninstrumented": the form's own question;
        - "retried": the server refuses it once, with a status that the client retries at, then answers it;
        - "refused": the server refuses it;
        - "closed", "dropped": it answers "alpha beta gamma delta", in time for the reader to leave in between.
        """
        if behaviour == "retried":
            return failing(self.forms.index(form), way)
        return {"refused": "rate limit", "closed": "long", "dropped": "long"}.get(behaviour, form.question)


def failing(index: int, way: str) -> str:
    """Return the question that is refused once, by the form's place among the forms."""
    return f"fails once {index} {way}"


def subjects() -> dict[str, Subject | None]:
    """Return the subject of each client that has an entry point; None where there is no module for it."""
    names = [entry.name for entry in client_entry_points() if entry.value.startswith("otel_llm.")]
    return {name: _subject(name.replace(".", "_")) for name in names}


def _subject(name: str) -> Subject | None:
    folder = CLIENTS / name
    if not (folder / f"{name}_conformance.py").is_file():
        return None
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    subject: Subject = importlib.import_module(f"{name}_conformance").SUBJECT
    return subject
