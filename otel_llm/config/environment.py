"""Settings from environment variables: `PREFIX_KEY` and `PREFIX_SECTION__KEY`, over what a file says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from otel_llm.errors import ConfigError


def overrides(prefix: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """Return values by dotted key, such as "queue.folder" of PREFIX_QUEUE__FOLDER.

    A value is read as YAML, so that numbers, lists and null are what they look like; an empty one is as if unset.

    Raises:
        ConfigError: a value is not YAML.
    """
    found: dict[str, Any] = {}
    for name, text in environment.items():
        if name.startswith(prefix) and text.strip():
            try:
                value = yaml.safe_load(text)
            except yaml.YAMLError as error:
                raise ConfigError(f"{name} must be a value in YAML, got {text!r}: {error}") from error
            found[name.removeprefix(prefix).lower().replace("__", ".")] = value
    return found
