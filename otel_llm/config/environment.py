"""Settings from environment variables: `PREFIX_KEY` and `PREFIX_SECTION__KEY`, over what a file says."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple

import yaml

from otel_llm.errors import ConfigError

# kubernetes.io/docs/concepts/services-networking/service/, "Environment variables"; none of these is a setting
_OF_KUBERNETES: Final = re.compile(
    r"SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT_[0-9]+_(TCP|UDP|SCTP)(_(ADDR|PORT|PROTO))?"
)
_PORT_OF_KUBERNETES: Final = re.compile(r"(tcp|udp|sctp)://.+")
"""What it says in PREFIX_PORT. With another value that is a setting of someone's, which there is not."""


class Variables(NamedTuple):
    """Which keys were set by variables."""

    prefix: str
    keys: Collection[str]
    """With a dot for a section."""

    def name(self, key: str) -> str:
        """Return the variable for a key."""
        return self.prefix + key.upper().replace(".", "__")

    def setting(self, location: Sequence[int | str]) -> str | None:
        """Return the key, of those set, whose value has the location in it; None: it comes from elsewhere."""
        parts = [str(part) for part in location]
        keys = (".".join(parts[:count]) for count in range(len(parts), 0, -1))
        return next((key for key in keys if key in self.keys), None)

    def below(self, location: Sequence[int | str]) -> str | None:
        """Return the first key, of those set, that is in the section at the location."""
        section = ".".join(str(part) for part in location)
        return min((key for key in self.keys if key.startswith(f"{section}.")), default=None)


def overrides(prefix: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """Return values by dotted key, such as "queue.folder" of PREFIX_QUEUE__FOLDER.

    A value is read as YAML, so that numbers, lists and null are what they look like; an empty one is as if unset.

    What Kubernetes tells every pod of a Service that has the prefix as its name is left out.

    Raises:
        ConfigError: a value is not YAML.
    """
    found: dict[str, Any] = {}
    for name, text in environment.items():
        if name.startswith(prefix) and text.strip() and not _is_of_kubernetes(name.removeprefix(prefix), text):
            try:
                value = yaml.safe_load(text)
            except yaml.MarkedYAMLError as error:  # the text itself is not told: it may be a secret
                raise ConfigError(f"{name} must be a value in YAML: {error.problem}") from error
            except ValueError as error:  # it looks like a date, and is none
                raise ConfigError(f"{name} must be a value in YAML: {error}") from error
            found[name.removeprefix(prefix).lower().replace("__", ".")] = value
    return found


def _is_of_kubernetes(name: str, text: str) -> bool:
    if name == "PORT":
        return _PORT_OF_KUBERNETES.fullmatch(text) is not None
    return _OF_KUBERNETES.fullmatch(name) is not None
