"""Settings files: read, and checked against a model; `problems.py` words the errors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from otel_llm.config.environment import Variables
from otel_llm.config.problems import describe_problem, section_of
from otel_llm.errors import ConfigError

_NO_VARIABLES: Final = Variables("", ())

Settings = TypeVar("Settings", bound=BaseModel)


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the mapping in a YAML file; an empty file is an empty mapping.

    Raises:
        ConfigError: the file cannot be read, or holds no mapping.
    """
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    except (yaml.YAMLError, ValueError) as error:  # ValueError: for a text that only looks like a date
        raise ConfigError(f"{path} is not YAML: {error}") from error
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise ConfigError(f"{path} must hold a mapping of settings, got {type(data).__name__}")
    return data


def without_null_sections(model: type[BaseModel], data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data without null sections at any depth; other null values stay.

    YAML reads a section whose keys are all commented out as null.
    """
    kept: dict[str, Any] = {}
    for key, value in data.items():
        section = section_of(model, key)
        if section is None:
            kept[key] = value
        elif value is not None:
            kept[key] = without_null_sections(section, value) if isinstance(value, dict) else value
    return kept


def check(
    model: type[Settings], data: Mapping[str, Any], where: str, variables: Variables = _NO_VARIABLES
) -> Settings:
    """Return the settings in `data`.

    Args:
        model: the model to check against.
        data: values by key.
        where: the source of the settings, for messages.
        variables: the keys from environment variables, which messages name.

    Raises:
        ConfigError: a key is unknown or a value is wrong; the message names all of them, after `where`.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        problems = [describe_problem(model, detail, variables) for detail in error.errors(include_url=False)]
        raise ConfigError(
            "\n  ".join([f"{where}:", *problems]) if len(problems) > 1 else f"{where}: {problems[0]}"
        ) from None
