"""Settings files: read, checked, and refused with a message that names the key, the value and the remedy."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from otel_llm.errors import ConfigError

_MAX_SHOWN: Final = 200
"""Characters of a value in a message."""

_USER_INFO: Final = re.compile(r"://[^/@]*@")
"""User and password of a URL."""

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
    except (yaml.YAMLError, ValueError) as error:  # ValueError: of what looks like a date and is none
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
        # what it is set to is no fault, and may be a secret
        return f"{key} is not a setting: {_remedy(str(detail['loc'][-1]), known)}"
    message = detail["msg"].removeprefix("Value error, ")
    if not key:  # of several keys at once, which the message names
        return message
    if detail["type"] in {"model_type", "model_attributes_type"}:
        keys = ", ".join(_fields_beside(model, (*detail["loc"], "")))
        return f"{key}: must be a section, with keys such as {keys}, got {_shown(detail)}"
    if detail["type"] in {"tuple_type", "list_type"}:
        message = "must be a list, such as [a, b]"
    said = f"{key}: {message[0].lower()}{message[1:]}"
    return said if ", got " in message or "headers" in detail["loc"] else f"{said}, got {_shown(detail)}"


def _remedy(said: str, known: Sequence[str]) -> str:
    if section := next((name for name in known if said.startswith(f"{name}_")), None):
        rest = said.removeprefix(f"{section}_")
        return f"did you mean {section}.{rest}, in the environment {section.upper()}__{rest.upper()}?"
    close = difflib.get_close_matches(said, known, n=1)
    return f"did you mean {close[0]}?" if close else f"known here: {', '.join(known)}"


def _shown(detail: ErrorDetails) -> str:
    """Return the value that is wrong, as far as it may be shown: not what has parts, nor what is in headers."""
    value = detail["input"]
    if "headers" in detail["loc"] or not isinstance(value, str | int | float | None):
        return f"a {type(value).__name__}"
    shown = _USER_INFO.sub("://...@", repr(value))
    return shown if len(shown) <= _MAX_SHOWN else f"{shown[:_MAX_SHOWN]}..."


def _fields_beside(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    for part in location[:-1]:
        if isinstance(part, int):  # in a list, whose model is that of its items
            continue
        section = _section(model, part)
        if section is None:
            return []
        model = section
    return list(model.model_fields)


def _section(model: type[BaseModel], key: str) -> type[BaseModel] | None:
    """Return the model of the settings under the key, or of each in a list of them; None where there is none."""
    field = model.model_fields.get(key)
    for annotation in (field.annotation, *get_args(field.annotation)) if field else ():
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            return annotation
    return None
