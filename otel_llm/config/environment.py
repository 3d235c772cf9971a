"""Settings from environment variables, `PREFIX_KEY` and `PREFIX_SECTION__KEY`, which override a file."""

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
"""Value of Kubernetes for PREFIX_PORT. With another value, PORT is an unknown setting of the user."""


class Variables(NamedTuple):
    """The keys that environment variables have set."""

    prefix: str
    keys: Collection[str]
    """Keys with a dot for a section."""

    def name(self, key: str) -> str:
        """Return the name of the variable for a key."""
        return self.prefix + key.upper().replace(".", "__")

    def setting(self, location: Sequence[int | str]) -> str | None:
        """Return the key that was set and whose value contains the location; None if no variable set it."""
        parts = [str(part) for part in location]
        keys = (".".join(parts[:count]) for count in range(len(parts), 0, -1))
        return next((key for key in keys if key in self.keys), None)

    def below(self, location: Sequence[int | str]) -> str | None:
        """Return the first key that was set in the section at the location."""
        section = ".".join(str(part) for part in location)
        return min((key for key in self.keys if key.startswith(f"{section}.")), default=None)


def overrides(prefix: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """Return values by dotted key, such as "queue.folder" for PREFIX_QUEUE__FOLDER.

    Values are read as YAML: numbers, lists and null; an empty value counts as unset. Left out are the variables
    that Kubernetes sets in every pod for a Service whose name is the prefix.

    Raises:
        ConfigError: a value is not YAML.
    """
    found: dict[str, Any] = {}
    for name, text in environment.items():
        if name.startswith(prefix) and text.strip() and not _is_of_kubernetes(name.removeprefix(prefix), text):
            try:
                value = yaml.safe_load(text)
            except yaml.MarkedYAMLError as error:  # leave the text out: it may be a secret
                raise ConfigError(f"{name} must be a value in YAML: {error.problem}") from error
            except ValueError as error:  # the text only looks like a date
                raise ConfigError(f"{name} must be a value in YAML: {error}") from error
            found[name.removeprefix(prefix).lower().replace("__", ".")] = value
    return found


def _is_of_kubernetes(name: str, text: str) -> bool:
    if name == "PORT":
        return _PORT_OF_KUBERNETES.fullmatch(text) is not None
    return _OF_KUBERNETES.fullmatch(name) is not None
