"""The `openai` client, 2.x and 3.x: chat completions.

All its calls, whatever helper they come from (`create`, `parse`, `stream`, `with_raw_response`, a copy by
`with_options`), pass through the one `request` method of its two base clients, with the request's body as it goes
out: there, omitted arguments are gone, and the retries are inside.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from opentelemetry.util.types import AttributeValue

from otel_llm import names
from otel_llm.instrument.clients.chat_messages import input_messages, output_message, tool_definitions
from otel_llm.instrument.fields import Content, Message, Raw, Request, Response, Streamed, Usage
from otel_llm.instrument.providers import provider_of

_CHAT: Final = "/chat/completions"
_FLOATS: Final = {
    "temperature": names.REQUEST_TEMPERATURE,
    "top_p": names.REQUEST_TOP_P,
    "frequency_penalty": names.REQUEST_FREQUENCY_PENALTY,
    "presence_penalty": names.REQUEST_PRESENCE_PENALTY,
}
_INTEGERS: Final = {
    "max_tokens": names.REQUEST_MAX_TOKENS,
    "max_completion_tokens": names.REQUEST_MAX_TOKENS,  # the newer name, which wins
    "seed": names.REQUEST_SEED,
}
_OUTPUT_TYPES: Final = {"text": "text", "json_object": "json", "json_schema": "json"}


class OpenAIClient:
    """Where the client is patched, and how its fields are read."""

    name: Final = "openai"
    majors: Final = range(2, 4)
    patches: Final = (
        ("openai._base_client", "SyncAPIClient", "request", False),
        ("openai._base_client", "AsyncAPIClient", "request", True),
    )

    def read_request(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any], providers: Mapping[str, str]
    ) -> Request | None:
        """Return the request of `request(self, cast_to, options, *, stream, stream_cls)`, if it is a chat."""
        client = args[0]
        options = args[2] if len(args) > 2 else kwargs["options"]
        if options.url != _CHAT or options.method != "post":
            return None
        body = options.json_data if isinstance(options.json_data, Mapping) else {}
        if options.extra_json:
            body = {**body, **options.extra_json}
        url = client.base_url
        host, port = _server(url)
        model = body.get("model")
        return Request(
            operation="chat",
            provider=provider_of(host, port, providers, _default_provider(type(client))),
            model=str(model) if model else None,
            address=host,
            port=port,
            attributes=_request_attributes(body, stream=bool(kwargs.get("stream"))),
            read_content=lambda: Content(
                messages=input_messages(body.get("messages")), tools=tool_definitions(body.get("tools"))
            ),
        )

    def read_result(self, result: Any, *, content: bool) -> Response | Streamed | Raw | None:
        """Return what `request` gave: a completion, a stream, or either behind a raw response."""
        held = getattr(result, "__dict__", {})  # not hasattr: on an object of pydantic that takes 20 µs to say no
        if "http_response" in held:
            if type(result).__name__ != "LegacyAPIResponse":
                return Raw(result.http_response)  # with_streaming_response: its body is the app's to read
            result = result.parse()  # with_raw_response keeps it: the app's own parse() gives the same object
            held = getattr(result, "__dict__", {})
        if "_iterator" in held:
            return Streamed(result, _Chunks(content))
        return _read_completion(result)


CLIENT: Final = OpenAIClient()


class _Chunks:
    """Adds up the chunks of a chat stream; the texts only where content is captured."""

    def __init__(self, content: bool) -> None:
        self._content = content
        self._first: Any = None
        self._usage: Any = None
        self._service_tier: str | None = None
        self._finish_reasons: dict[int, str] = {}
        self._messages: dict[int, _MessageParts] = {}

    def add(self, chunk: Any) -> None:
        if self._first is None:
            self._first = chunk
        if (usage := getattr(chunk, "usage", None)) is not None:
            self._usage = usage
        if tier := getattr(chunk, "service_tier", None):
            self._service_tier = tier
        for choice in chunk.choices or ():
            if choice.finish_reason:
                self._finish_reasons[choice.index] = choice.finish_reason
            if self._content:
                self._messages.setdefault(choice.index, _MessageParts()).add(choice.delta)

    def response(self) -> Response:
        return Response(
            id=getattr(self._first, "id", None) or None,
            model=getattr(self._first, "model", None) or None,
            finish_reasons=[reason for _, reason in sorted(self._finish_reasons.items())],
            usage=_read_usage(self._usage),
            service_tier=self._service_tier,
            read_messages=self._read_messages,
        )

    def _read_messages(self) -> list[Message]:
        return [
            output_message(parts.message(), self._finish_reasons.get(index))
            for index, parts in sorted(self._messages.items())
        ]


class _MessageParts:
    """One message of a stream, in pieces."""

    def __init__(self) -> None:
        self._texts: dict[str, list[str]] = {}
        self._tool_calls: dict[int, dict[str, Any]] = {}

    def add(self, delta: Any) -> None:
        for name in ("content", "refusal", "reasoning_content", "reasoning"):
            if isinstance(text := getattr(delta, name, None), str):
                self._texts.setdefault(name, []).append(text)
        for piece in getattr(delta, "tool_calls", None) or ():
            call = self._tool_calls.setdefault(piece.index, {"id": None, "name": "", "arguments": []})
            call["id"] = piece.id or call["id"]
            if piece.function is not None:
                call["name"] += piece.function.name or ""
                call["arguments"].append(piece.function.arguments or "")

    def message(self) -> dict[str, Any]:
        message: dict[str, Any] = {name: "".join(texts) for name, texts in self._texts.items()}
        message["tool_calls"] = [
            {"id": call["id"], "function": {"name": call["name"], "arguments": "".join(call["arguments"])}}
            for _, call in sorted(self._tool_calls.items())
        ]
        return message


def _request_attributes(body: Mapping[str, Any], *, stream: bool) -> dict[str, AttributeValue]:
    attributes: dict[str, AttributeValue] = {}
    for key, name in _FLOATS.items():
        if (number := _number(body.get(key))) is not None:
            attributes[name] = float(number)
    for key, name in _INTEGERS.items():
        if (number := _number(body.get(key))) is not None:
            attributes[name] = int(number)
    if stream:
        attributes[names.REQUEST_STREAM] = True
    if (count := _number(body.get("n"))) is not None and count != 1:
        attributes[names.REQUEST_CHOICE_COUNT] = int(count)
    if stop := body.get("stop"):
        attributes[names.REQUEST_STOP_SEQUENCES] = (
            [stop] if isinstance(stop, str) else [str(text) for text in stop]
        )
    if isinstance(effort := body.get("reasoning_effort"), str):
        attributes[names.REQUEST_REASONING_LEVEL] = effort
    if isinstance(tier := body.get("service_tier"), str) and tier != "auto":
        attributes[names.OPENAI_REQUEST_SERVICE_TIER] = tier
    if output_type := _output_type(body):
        attributes[names.OUTPUT_TYPE] = output_type
    return attributes


def _output_type(body: Mapping[str, Any]) -> str | None:
    if "audio" in (body.get("modalities") or ()):
        return "speech"
    response_format = body.get("response_format")
    return _OUTPUT_TYPES.get(response_format.get("type", "")) if isinstance(response_format, Mapping) else None


def _read_completion(completion: Any) -> Response:
    choices = getattr(completion, "choices", None) or ()
    return Response(
        id=getattr(completion, "id", None),
        model=getattr(completion, "model", None),
        finish_reasons=[choice.finish_reason for choice in choices if choice.finish_reason],
        usage=_read_usage(getattr(completion, "usage", None)),
        service_tier=getattr(completion, "service_tier", None),
        read_messages=lambda: [output_message(choice.message, choice.finish_reason) for choice in choices],
    )


def _read_usage(usage: Any) -> Usage | None:
    if usage is None:
        return None
    asked = getattr(usage, "prompt_tokens_details", None)
    answered = getattr(usage, "completion_tokens_details", None)
    return Usage(
        input_tokens=getattr(usage, "prompt_tokens", None),
        output_tokens=getattr(usage, "completion_tokens", None),
        cache_read_tokens=getattr(asked, "cached_tokens", None),
        cache_write_tokens=getattr(asked, "cache_write_tokens", None),
        reasoning_tokens=getattr(answered, "reasoning_tokens", None),
        input_audio_tokens=getattr(asked, "audio_tokens", None),
        output_audio_tokens=getattr(answered, "audio_tokens", None),
    )


def _server(url: Any) -> tuple[str | None, int | None]:
    return url.host or None, url.port or {"https": 443, "http": 80}.get(url.scheme)


def _default_provider(client_class: type) -> str:
    """Return the provider of a client at an unknown host: an OpenAI-compatible server counts as openai.

    Source: GenAI conventions, gen_ai.provider.name.
    """
    azure = any(base.__name__ == "BaseAzureClient" for base in client_class.__mro__)
    return "azure.ai.openai" if azure else "openai"


def _number(value: Any) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
