"""Settings from environment variables: `PREFIX_KEY` and `PREFIX_SECTION__KEY`, over what a file says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import yaml

from otel_llm.errors import ConfigError

# kubernetes.io/docs/concepts/services-networking/service/, "Environment variables"; none of these is a setting
_OF_KUBERNETES: Final = re.compile(
    r"SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT|PORT_[0-9]+_(TCP|UDP|SCTP)(_(ADDR|PORT|PROTO))?"
)


def overrides(prefix: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """Return values by dotted key, such as "queue.folder" of PREFIX_QUEUE__FOLDER.

    A value is read as YAML, so that numbers, lists and null are what they look like; an empty one is as if unset.

    What Kubernetes tells every pod of a Service that has the prefix as its name is left out.

    Raises:
        ConfigError: a value is not YAML.
    """
    found: dict[str, Any] = {}
    for name, text in environment.items():
        if name.startswith(prefix) and text.strip() and not _OF_KUBERNETES.fullmatch(name.removeprefix(prefix)):
            try:
                value = yaml.safe_load(text)
            except yaml.MarkedYAMLError as error:  # the text itself is not told: it may be a secret
                raise ConfigError(f"{name} must be a value in YAML: {error.problem}") from error
            except ValueError as error:  # it looks like a date, and is none
                raise ConfigError(f"{name} must be a value in YAML: {error}") from error
            found[name.removeprefix(prefix).lower().replace("__", ".")] = value
    return found
