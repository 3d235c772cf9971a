"""The script of the model `scripted`: a TOML file of rules, checked when the server starts."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from otel_llm.errors import ConfigError

_CHECKED: Final = ConfigDict(frozen=True, extra="forbid")

DEFAULT_ANSWER: Final = (
    "This is a scripted answer: no model wrote it. "
    "Start the server with --script FILE.toml to say what it answers."
)


class ScriptedUsage(BaseModel):
    """Token counts of a rule; missing counts are one token per word, or 0."""

    model_config = _CHECKED

    prompt_tokens: int | None = Field(default=None, ge=0)
    completion_tokens: int | None = Field(default=None, ge=0)
    cached_tokens: int = Field(default=0, ge=0)
    cache_write_tokens: int = Field(default=0, ge=0)
    prompt_audio_tokens: int = Field(default=0, ge=0)
    prompt_image_tokens: int = Field(default=0, ge=0)
    completion_audio_tokens: int = Field(default=0, ge=0)
    reasoning_tokens: int | None = Field(default=None, ge=0)


class ScriptedError(BaseModel):
    """The body of an error, in the fields of the API."""

    model_config = _CHECKED

    message: str = "The script says that this request fails."
    type: str | None = None
    param: str | None = None
    code: str | None = None


class ScriptedToolCall(BaseModel):
    """A call of a tool: of a function with arguments, or of a custom tool with an input."""

    model_config = _CHECKED

    name: str
    arguments: dict[str, Any] | str = {}
    """Arguments as a table, or as JSON text, which may be invalid on purpose."""
    input: str | None = None
    """Input; if set, the call is that of a custom tool."""

    @model_validator(mode="after")
    def _arguments_or_input(self) -> ScriptedToolCall:
        if self.input is not None and "arguments" in self.model_fields_set:
            raise ValueError("a call has arguments (of a function) or input (of a custom tool), not both")
        return self


class ScriptRule(BaseModel):
    """The answer to requests that match."""

    model_config = _CHECKED

    match: re.Pattern[str] | None = None
    """Pattern to search in the last user message; the first matching rule wins. None means the default rule."""
    answer: str = DEFAULT_ANSWER
    """Text of the answer; a rule with a refusal or tool calls has no text unless this key is set."""
    refusal: str | None = None
    """Text of a refusal."""
    reasoning: str | None = None
    """Summary of the reasoning, sent before the answer."""
    tool_calls: tuple[ScriptedToolCall, ...] = ()
    """Tool calls of the answer."""
    delay_s: float = Field(default=0, ge=0, le=3600)
    """Seconds before the first byte of the response."""
    chunk_delay_s: float = Field(default=0, ge=0, le=3600)
    """Seconds before each word of a streamed answer except the first."""
    status: int | None = Field(default=None, ge=400, le=599)
    """HTTP status of an error to answer with."""
    error: ScriptedError = ScriptedError()
    """Body of the error: a table, or only its message."""
    fail_times: int | None = Field(default=None, ge=1)
    """Number of requests that fail before the rule answers; None means that all fail."""
    fail_after_chunks: int | None = Field(default=None, ge=1)
    """Words of a streamed answer before an error in the stream."""
    break_after_chunks: int | None = Field(default=None, ge=0)
    """Words of a streamed answer before the connection is cut; another answer is cut midway."""
    finish_reason: Literal["stop", "length", "content_filter"] | None = None
    """Finish reason; None means "stop", or "length" if the request's limit cut the answer."""
    usage: ScriptedUsage = ScriptedUsage()
    logprobs: tuple[Annotated[float, Field(le=0)], ...] = ()
    """Log-probabilities of the answer's words, for requests that ask for them; 0 for further words."""

    @field_validator("match", mode="before")
    @classmethod
    def _compile(cls, value: Any) -> Any:
        if isinstance(value, str):
            try:
                return re.compile(value)
            except re.error as error:
                raise ValueError(f"not a regular expression: {error}") from error
        return value

    @field_validator("error", mode="before")
    @classmethod
    def _message_alone(cls, value: Any) -> Any:
        return {"message": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _error_or_answer(self) -> ScriptRule:
        given = self.model_fields_set
        needing = given & {"error", "fail_times", "fail_after_chunks"}
        if self.status is None and needing:
            raise ValueError(f"{min(needing)} needs status, such as status = 500")
        refused = given & {
            "answer", "refusal", "reasoning", "tool_calls", "chunk_delay_s", "break_after_chunks", "finish_reason",
            "usage", "logprobs",
        }  # fmt: skip
        answers = self.fail_times is not None or self.fail_after_chunks is not None
        if self.status is not None and refused and not answers:
            raise ValueError(f"status answers with an error, so {', '.join(sorted(refused))} cannot apply")
        return self

    @property
    def text(self) -> str:
        """The text of the answer; empty if a refusal or tool calls take its place."""
        instead = self.refusal is not None or self.tool_calls
        return "" if instead and "answer" not in self.model_fields_set else self.answer


class Script(BaseModel):
    """The rules of a script file."""

    model_config = _CHECKED

    rule: tuple[ScriptRule, ...] = ()

    def rule_for(self, text: str) -> ScriptRule:
        """Return the first rule whose `match` is found in the text, else the default rule."""
        for rule in self.rule:
            if rule.match is not None and rule.match.search(text):
                return rule
        return next((rule for rule in self.rule if rule.match is None), ScriptRule())


def read_script(path: Path) -> Script:
    """Return the script of a TOML file.

    Raises:
        ConfigError: the file is missing or not TOML, or a rule is wrong; the message names the rule and the key.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"--script: {path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"--script: {path} is not TOML: {error}") from error
    try:
        script = Script.model_validate(document)
    except ValidationError as error:
        raise ConfigError(f"--script: {path}: {_describe(error)}") from error
    defaults = [number for number, rule in enumerate(script.rule, 1) if rule.match is None]
    if len(defaults) > 1:
        numbers = ", ".join(map(str, defaults))
        raise ConfigError(f"--script: {path}: rules {numbers} have no match; only one rule can be the default")
    return script


def _describe(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    loc = list(first["loc"])
    where = ""
    if loc[:1] == ["rule"] and len(loc) > 1:
        where, loc = f"rule {int(loc[1]) + 1}: ", loc[2:]
    key = ".".join(map(str, loc))
    if first["type"] == "extra_forbidden":
        known = _keys_beside(loc, in_rule=bool(where))
        return f"{where}unknown key {key!r}; known: {', '.join(known)}"
    message = first["msg"].removeprefix("Value error, ")
    return f"{where}{key}: {message}, got {first['input']!r}" if key else f"{where}{message}"


def _keys_beside(loc: list[Any], *, in_rule: bool) -> list[str]:
    tables: dict[Any, type[BaseModel]] = {
        "usage": ScriptedUsage,
        "error": ScriptedError,
        "tool_calls": ScriptedToolCall,
    }
    table: type[BaseModel] = ScriptRule if in_rule else Script
    return list(tables.get(loc[0], table).model_fields)
