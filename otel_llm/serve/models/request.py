"""The chat request, checked before a model reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from otel_llm.serve.http.api_error import ApiError

MAX_CHOICES: Final = 8

BodyT = TypeVar("BodyT", bound=BaseModel)

STRICT: Final = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class TextPart(BaseModel):
    """One part of a message's content. Images, audio and files are refused, for no model reads them."""

    model_config = STRICT

    type: Literal["text"]
    text: str


class ChatMessage(BaseModel):
    """One message. A client sends the fields after `content` back from an earlier answer."""

    model_config = STRICT

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[TextPart] | None = None
    name: str | None = None
    tool_call_id: str | None = None
    tool_calls: list[dict[str, Any]] | None = None
    function_call: dict[str, Any] | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    annotations: list[dict[str, Any]] | None = None
    audio: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _with_content(self) -> ChatMessage:
        instead = self.tool_calls or self.function_call or self.refusal
        if self.content is None and not (self.role == "assistant" and instead):
            raise ValueError("content is required")
        return self

    @property
    def text(self) -> str:
        """The content as one text."""
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content)
        return self.content or ""


class StreamOptions(BaseModel):
    """Options of a streamed answer."""

    model_config = STRICT

    include_usage: bool = False
    include_obfuscation: bool = False
    """No effect; a hosted service pads its chunks against eavesdropping."""


class ChatRequest(BaseModel):
    """The body of POST /v1/chat/completions.

    Source: the OpenAI API reference, "Create chat completion", read in November 2026.
    """

    model_config = STRICT

    model: str
    messages: Annotated[list[ChatMessage], Field(min_length=1)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    n: Annotated[int, Field(ge=1, le=MAX_CHOICES)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    presence_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    frequency_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    seed: int | None = None
    stop: str | Annotated[list[str], Field(max_length=4)] | None = None

    # without effect on the answer: every model accepts them
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    metadata: dict[str, str] | None = None
    service_tier: Literal["auto", "default"] | None = None
    store: Literal[False] | None = None

    # with an effect on the answer that not every model supports: see `refuse`
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    response_format: dict[str, Any] | None = None
    reasoning_effort: str | None = None
    verbosity: str | None = None
    modalities: list[str] | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    logit_bias: dict[str, float] | None = None
    functions: list[dict[str, Any]] | None = None
    function_call: str | dict[str, Any] | None = None
    prediction: dict[str, Any] | None = None
    audio: dict[str, Any] | None = None
    web_search_options: dict[str, Any] | None = None

    @property
    def choices(self) -> int:
        """Number of choices."""
        return self.n or 1

    @property
    def token_limit(self) -> int | None:
        """Most tokens of one choice; None means no limit in the request."""
        return self.max_completion_tokens or self.max_tokens

    @property
    def stop_sequences(self) -> list[str]:
        """Non-empty texts at which an answer ends."""
        stops = [self.stop] if isinstance(self.stop, str) else self.stop or []
        return [stop for stop in stops if stop]

    @property
    def include_usage(self) -> bool:
        """True if the stream ends with a chunk of token counts."""
        return self.stream_options is not None and self.stream_options.include_usage

    def name_of(self, field: str) -> str:
        """Return the client's name of a field."""
        return field

    @property
    def last_user_text(self) -> str:
        """The text of the last user message; empty without one."""
        return next((message.text for message in reversed(self.messages) if message.role == "user"), "")


# values that state the default, and so are accepted
_NO_EFFECT: Final[dict[str, Sequence[Any]]] = {
    "tools": ([],),
    "tool_choice": ("none", "auto"),
    "parallel_tool_calls": (True, False),
    "response_format": ({"type": "text"},),
    "modalities": (["text"],),
    "logprobs": (False,),
    "logit_bias": ({},),
    "functions": ([],),
    "function_call": ("none", "auto"),
}


def parse(body: bytes) -> ChatRequest:
    """Return the request in a JSON body.

    Raises:
        ApiError: status 400, naming the parameter that is wrong and its value.
    """
    request = parse_as(ChatRequest, body)
    if request.stream_options is not None and not request.stream:
        raise ApiError(400, "stream_options is allowed with stream=true only", param="stream_options")
    if request.top_logprobs is not None and not request.logprobs:
        raise ApiError(400, "top_logprobs is allowed with logprobs=true only", param="top_logprobs")
    return request


def parse_as(kind: type[BodyT], body: bytes | Mapping[str, Any]) -> BodyT:
    """Return a body, as bytes of JSON or fields of a form, as an object of the class `kind`.

    Raises:
        ApiError: status 400, naming the parameter that is wrong and its value.
    """
    try:
        # all fields of a form are texts, also numbers
        return (
            kind.model_validate_json(body) if isinstance(body, bytes) else kind.model_validate(body, strict=False)
        )
    except ValidationError as error:
        raise _invalid(error) from error


def refuse(request: ChatRequest, parameters: Sequence[str], model: str) -> None:
    """Refuse parameters that the model would ignore.

    Raises:
        ApiError: status 400, naming the first such parameter.
    """
    for name in parameters:
        value = getattr(request, name, None)
        if value is None or value in _NO_EFFECT.get(name, ()):
            continue
        param = request.name_of(name)
        raise ApiError(
            400, f"{param} is not supported by the model {model}", param=param, code="unsupported_parameter"
        )


def _invalid(error: ValidationError) -> ApiError:
    worst = max(error.errors(include_url=False), key=_tells)
    # leave out the names of a union's branches, which clients do not know: `stop.str` is `stop`
    param = ".".join(str(part) for part in worst["loc"] if not _names_a_branch(part)) or None
    if worst["type"] == "json_invalid":
        return ApiError(400, f"the body must be JSON: {worst['msg']}", code="invalid_json")
    if worst["type"] == "missing":
        return ApiError(400, f"{param} is required", param=param, code="missing_required_parameter")
    if worst["type"] == "extra_forbidden":
        return ApiError(400, f"{param}: unknown parameter", param=param, code="unknown_parameter")
    value = repr(worst["input"])
    shown = value if len(value) <= 80 else f"{value[:77]}..."
    message = worst["msg"].removeprefix("Value error, ")
    return ApiError(400, f"{param or 'body'}: {message}, got {shown}", param=param, code="invalid_value")


def _tells(details: ErrorDetails) -> tuple[int, bool]:
    """Return a rank of an error: of a union, the intended branch is the one that got furthest."""
    return len(details["loc"]), details["type"] not in {"string_type", "list_type", "dict_type"}


def _names_a_branch(part: int | str) -> bool:
    return isinstance(part, str) and (part == "str" or "[" in part)
