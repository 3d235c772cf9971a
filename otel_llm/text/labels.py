"""Names of the values in JSON: a value is often named by what stands beside it or around it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

# names that say nothing of the value: it is named by what is around it
_GENERAL: Final = frozenset(
    {"value", "default", "current", "new", "old", "primary", "secondary", "prod", "production", "staging", "dev",
     "test", "live"}
)  # fmt: skip
_BESIDE: Final = ("name", "key", "Name", "Key")


def label_of(fields: Mapping[str, object], name: str, outer: str) -> str:
    """Return what the value of a field is called.

    Args:
        fields: the object.
        name: the field's name.
        outer: what the object is called; empty if unknown.

    >>> label_of({"name": "DB_PASSWORD", "value": "x"}, "value", "")
    'DB_PASSWORD'
    >>> label_of({"prod": "x"}, "prod", "api_keys")
    'api_keys'
    """
    if name.lower() == "value":
        for key in _BESIDE:
            if isinstance(beside := fields.get(key), str):
                return beside
    return outer if outer and name.lower() in _GENERAL else name


def labelled_items(items: Iterable[object], outer: str) -> Iterator[tuple[str, object]]:
    """Yield each item of a list with what it is called: by the option before it, or else as the list is.

    >>> list(labelled_items(["mysql", "--password", "x"], "args"))
    [('args', 'mysql'), ('args', '--password'), ('password', 'x')]
    """
    option = ""
    for item in items:
        yield option or outer, item
        option = item.lstrip("-") if isinstance(item, str) and item.startswith("--") and "=" not in item else ""
