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

from otel_llm.config.environment import Variables
from otel_llm.errors import ConfigError

_MAX_SHOWN: Final = 200
"""Characters of a value in a message."""

_USER_INFO: Final = re.compile(r".*@", re.DOTALL)
"""User and password of a URL, and its scheme: a password may hold any character, and the scheme may be missing."""
_NAMES: Final = re.compile(r"[\w.*?-]+(\s*,\s*[\w.*?-]+)*")
"""A list, as one writes it who does not know that it is YAML."""
_NO_VARIABLES: Final = Variables("", ())

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


def check(
    model: type[Settings], data: Mapping[str, Any], where: str, variables: Variables = _NO_VARIABLES
) -> Settings:
    """Return the settings in `data`.

    Args:
        model: what they are checked against.
        data: by key.
        where: what they come from, for messages.
        variables: which of them come from the environment; messages name the variable.

    Raises:
        ConfigError: a key is unknown or a value wrong; every one of them is named, after `where`.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        problems = [_problem(model, detail, variables) for detail in error.errors(include_url=False)]
        raise ConfigError(
            "\n  ".join([f"{where}:", *problems]) if len(problems) > 1 else f"{where}: {problems[0]}"
        ) from None


def _problem(model: type[BaseModel], detail: ErrorDetails, variables: Variables) -> str:
    location = detail["loc"]
    key = ".".join(str(part) for part in location)
    if detail["type"] == "extra_forbidden":
        # what it is set to is no fault, and may be a secret
        return _unknown(model, location, variables)
    message = detail["msg"].removeprefix("Value error, ")
    if not key:  # of several keys at once, which the message names
        return message
    if setting := variables.setting(location):
        key += f" ({variables.name(setting)})"
    if detail["type"] in {"model_type", "model_attributes_type"}:
        keys = ", ".join(_section_at(model, location).model_fields)
        return f"{key}: must be a section, with keys such as {keys}, got {_shown(detail)}"
    if detail["type"] in {"tuple_type", "list_type"}:
        of_sections = _section(_section_at(model, location[:-1]), str(location[-1]))
        message = "must be a list of sections" if of_sections else f"must be a list such as {_listed(detail)}"
    said = f"{key}: {message[0].lower()}{message[1:]}"
    is_of_section = detail["type"] == "value_error" and isinstance(detail["input"], Mapping)
    is_whole = is_of_section or ", got " in message or "headers" in location
    return said if is_whole else f"{said}, got {_shown(detail)}"


def _unknown(model: type[BaseModel], location: tuple[int | str, ...], variables: Variables) -> str:
    key, section = ".".join(str(part) for part in location), _section_at(model, location[:-1])
    meant = _meant(section, str(location[-1]))
    if setting := variables.setting(location) or variables.below(location):
        if meant and setting.startswith(key):  # else it is somewhere in the variable's value
            beside = key.removesuffix(str(location[-1]))
            meant = variables.name(f"{beside}{meant}{setting.removeprefix(key)}")
        key += f" ({variables.name(setting)})"
    remedy = f"did you mean {meant}? " * bool(meant)
    return f"{key} is not a setting: {remedy}known here: {', '.join(section.model_fields)}"


def _meant(model: type[BaseModel], said: str) -> str | None:
    """Return the key that is nearest, with a dot after a section that was written with an underscore."""
    if said in model.model_fields:
        return said
    for name in model.model_fields:
        section, rest = _section(model, name), said.removeprefix(f"{name}_")
        if section and rest != said and (inner := _meant(section, rest)):
            return f"{name}.{inner}"
    return next(iter(difflib.get_close_matches(said, model.model_fields, n=1)), None)


def _listed(detail: ErrorDetails) -> str:
    """Return the value as the list that it was to be, where it looks like one; else an example."""
    value = detail["input"]
    if not isinstance(value, str) or len(value) > _MAX_SHOWN or not _NAMES.fullmatch(value):
        return "[a, b]"
    return f"[{', '.join(part.strip() for part in value.split(','))}]"


def _shown(detail: ErrorDetails) -> str:
    """Return the value that is wrong, as far as it may be shown: not what has parts, nor what is in headers."""
    value = detail["input"]
    if "headers" in detail["loc"] or not isinstance(value, str | int | float | None):
        return f"a {type(value).__name__}"
    shown = repr(_USER_INFO.sub("...@", value) if isinstance(value, str) else value)
    return shown if len(shown) <= _MAX_SHOWN else f"{shown[:_MAX_SHOWN]}..."


def _section_at(model: type[BaseModel], location: Sequence[int | str]) -> type[BaseModel]:
    """Return the model at a location, whose every name is a section's; in a list, it is that of its items."""
    for part in location:
        section = None if isinstance(part, int) else _section(model, part)
        model = section or model
    return model


def _section(model: type[BaseModel], key: str) -> type[BaseModel] | None:
    """Return the model of the settings under the key, or of each in a list of them; None where there is none."""
    field = model.model_fields.get(key)
    for annotation in (field.annotation, *get_args(field.annotation)) if field else ():
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            return annotation
    return None
