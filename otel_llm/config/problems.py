"""Messages for wrong settings: each names the key, the value and the remedy."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from otel_llm.config.environment import Variables

_MAX_SHOWN: Final = 200
"""Characters of a value in a message."""
_USER_INFO: Final = re.compile(r".*@", re.DOTALL)
"""Everything before the host of a URL: a password may hold any character, and the scheme may be missing."""
_NAMES: Final = re.compile(r"[\w.*?-]+(\s*,\s*[\w.*?-]+)*")
"""A list in the form of someone who does not know that the value is YAML."""


def describe_problem(model: type[BaseModel], detail: ErrorDetails, variables: Variables) -> str:
    """Return the message for one error of pydantic."""
    location = detail["loc"]
    key = ".".join(str(part) for part in location)
    if detail["type"] == "extra_forbidden":
        # leave the value out: it is not the fault, and may be a secret
        return _unknown(model, location, variables)
    message = detail["msg"].removeprefix("Value error, ")
    if not key:  # the error concerns several keys, and the message names them
        return message
    if setting := variables.setting(location):
        key += f" ({variables.name(setting)})"
    if detail["type"] in {"model_type", "model_attributes_type"}:
        keys = ", ".join(_section_at(model, location).model_fields)
        return f"{key}: must be a section, with keys such as {keys}, got {_shown(detail)}"
    if detail["type"] in {"tuple_type", "list_type"}:
        of_sections = section_of(_section_at(model, location[:-1]), str(location[-1]))
        message = "must be a list of sections" if of_sections else f"must be a list such as {_listed(detail)}"
    said = f"{key}: {message[0].lower()}{message[1:]}"
    is_of_section = detail["type"] == "value_error" and isinstance(detail["input"], Mapping)
    is_whole = is_of_section or ", got " in message or "headers" in location
    return said if is_whole else f"{said}, got {_shown(detail)}"


def _unknown(model: type[BaseModel], location: tuple[int | str, ...], variables: Variables) -> str:
    key, section = ".".join(str(part) for part in location), _section_at(model, location[:-1])
    said = str(location[-1])
    if places := sorted(_sections_with(model, said), key=len):
        where = " or ".join(f"in {place}" if place else "at the top level" for place in places)
        return f"{key} is not a setting: did you mean {said} {where}?"
    meant = _meant(section, said)
    if setting := variables.setting(location) or variables.below(location):
        if meant and setting.startswith(key):  # else the unknown key is inside the value of the variable
            beside = key.removesuffix(str(location[-1]))
            meant = variables.name(f"{beside}{meant}{setting.removeprefix(key)}")
        key += f" ({variables.name(setting)})"
    remedy = f"did you mean {meant}? " * bool(meant)
    return f"{key} is not a setting: {remedy}known here: {', '.join(section.model_fields)}"


def _sections_with(model: type[BaseModel], said: str, path: str = "") -> Iterator[str]:
    """Yield the paths of the sections that have a key of this name; the top level's is empty."""
    if said in model.model_fields:
        yield path
    for name in model.model_fields:
        if section := section_of(model, name):
            yield from _sections_with(section, said, f"{path}.{name}".lstrip("."))


def _meant(model: type[BaseModel], said: str) -> str | None:
    """Return the nearest key, with a dot after a section that was written with an underscore."""
    if said in model.model_fields:
        return said
    for name in model.model_fields:
        section, rest = section_of(model, name), said.removeprefix(f"{name}_")
        if section and rest != said and (inner := _meant(section, rest)):
            return f"{name}.{inner}"
    return next(iter(difflib.get_close_matches(said, model.model_fields, n=1)), None)


def _listed(detail: ErrorDetails) -> str:
    """Return the value as a YAML list if it looks like a list, else an example."""
    value = detail["input"]
    if not isinstance(value, str) or len(value) > _MAX_SHOWN or not _NAMES.fullmatch(value):
        return "[a, b]"
    return f"[{', '.join(part.strip() for part in value.split(','))}]"


def _shown(detail: ErrorDetails) -> str:
    """Return the wrong value, or its type if it has parts or is in headers, which may be secret."""
    value = detail["input"]
    if "headers" in detail["loc"] or not isinstance(value, str | int | float | None):
        return f"a {type(value).__name__}"
    shown = repr(_USER_INFO.sub("...@", value) if isinstance(value, str) else value)
    return shown if len(shown) <= _MAX_SHOWN else f"{shown[:_MAX_SHOWN]}..."


def _section_at(model: type[BaseModel], location: Sequence[int | str]) -> type[BaseModel]:
    """Return the model at a location whose names are all sections; in a list, the model of its items."""
    for part in location:
        section = None if isinstance(part, int) else section_of(model, part)
        model = section or model
    return model


def section_of(model: type[BaseModel], key: str) -> type[BaseModel] | None:
    """Return the model of the section under the key, or of the sections in its list; None without a section."""
    field = model.model_fields.get(key)
    for annotation in (field.annotation, *get_args(field.annotation)) if field else ():
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            return annotation
    return None
