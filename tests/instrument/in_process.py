"""The real client over an in-process transport, for answers that the scripted model has no rule for."""

import importlib
import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import openai

httpx = importlib.import_module("httpx2" if openai.__version__.startswith("3.") else "httpx")

COMPLETION = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4o-mini-2024-07-18",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello."}}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
}


def transport(answer: Any) -> Any:
    """Answer each request with a completion (a dict), or with a stream of chunks (a list of dicts)."""

    def handler(request: Any) -> Any:
        if isinstance(answer, list):
            events = [json.dumps(chunk) for chunk in answer] + ["[DONE]"]
            body = "".join(f"data: {event}\n\n" for event in events)
            return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=body)
        return httpx.Response(200, json=answer)

    return httpx.MockTransport(handler)


def client_for(answer: Any, make: Callable[..., openai.OpenAI] = openai.OpenAI, **options: Any) -> openai.OpenAI:
    http_client = httpx.Client(transport=transport(answer))
    return make(**{"api_key": "none", "max_retries": 0, "http_client": http_client, **options})


class Pieces(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that comes in small pieces, as from a socket."""

    def __init__(self, body: bytes, size: int = 11) -> None:
        self._pieces = [body[start : start + size] for start in range(0, len(body), size)]

    def __iter__(self) -> Iterator[bytes]:
        yield from self._pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece


def client_of_body(body: bytes, media_type: str | None = "application/json") -> openai.OpenAI:
    """Return a client whose server answers each request with this body and the status 200."""
    headers = {} if media_type is None else {"content-type": media_type}
    answer = httpx.MockTransport(lambda _: httpx.Response(200, headers=headers, stream=Pieces(body)))
    return openai.OpenAI(api_key="none", max_retries=0, http_client=httpx.Client(transport=answer))


def sse(*events: dict[str, Any]) -> bytes:
    """Return server-sent events as the body of a response."""
    return b"".join(f"data: {json.dumps(event)}\n\n".encode() for event in events) + b"data: [DONE]\n\n"


def chunk(
    delta: dict[str, Any], *, finish_reason: str | None = None, index: int = 0, **fields: Any
) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "gpt-4o-mini-2024-07-18",
        "choices": [{"index": index, "delta": delta, "finish_reason": finish_reason}],
        **fields,
    }
