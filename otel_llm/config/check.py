"""Settings files: read, checked, and refused with a message that names the key, the value and the remedy."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from otel_llm.errors import ConfigError

Settings = TypeVar("Settings", bound=BaseModel)


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the mapping in a YAML file; an empty file is an empty mapping.

    Raises:
        ConfigError: the file cannot be read, or holds something else.
    """
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not YAML: {error}") from error
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise ConfigError(f"{path} must hold a mapping of settings, got {type(data).__name__}")
    return data


def without_null_sections(model: type[BaseModel], data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data without the sections, at any depth, that are null: so YAML reads one without a key.

    Such is a section whose keys are all commented out. A null that is not a section stays.
    """
    kept: dict[str, Any] = {}
    for key, value in data.items():
        section = _section(model, key)
        if section is None:
            kept[key] = value
        elif value is not None:
            kept[key] = without_null_sections(section, value) if isinstance(value, dict) else value
    return kept


def check(model: type[Settings], data: Mapping[str, Any], where: str) -> Settings:
    """Return the settings in `data`.

    Raises:
        ConfigError: a key is unknown or a value wrong; every one of them is named, after `where`.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        problems = [_problem(model, detail) for detail in error.errors(include_url=False)]
        raise ConfigError(
            "\n  ".join([f"{where}:", *problems]) if len(problems) > 1 else f"{where}: {problems[0]}"
        ) from None


def _problem(model: type[BaseModel], detail: ErrorDetails) -> str:
    key = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        known = _fields_beside(model, detail["loc"])
        close = difflib.get_close_matches(str(detail["loc"][-1]), known, n=1)
        remedy = f"did you mean {close[0]}?" if close else f"known here: {', '.join(known)}"
        return f"{key} is not a setting (its value: {detail['input']!r}): {remedy}"
    message = detail["msg"].removeprefix("Value error, ")
    if not key:  # of several keys at once, which the message names
        return message
    return f"{key}: {message[0].lower()}{message[1:]}, got {detail['input']!r}"


def _fields_beside(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    for part in location[:-1]:
        section = _section(model, str(part))
        if section is None:
            return []
        model = section
    return list(model.model_fields)


def _section(model: type[BaseModel], key: str) -> type[BaseModel] | None:
    """Return the model of the settings under the key; None where it is not a section."""
    field = model.model_fields.get(key)
    annotation = field.annotation if field else None
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None
