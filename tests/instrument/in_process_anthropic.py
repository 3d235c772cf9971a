"""The real anthropic client over an in-process transport, which answers as `support.anthropic_server` does."""

import importlib
import json
from typing import Any

import anthropic
from in_process import Pieces
from support.anthropic_server import error, events, rules, sse

# the HTTP library of the client
http = importlib.import_module(anthropic.DefaultHttpxClient.__mro__[1].__module__.partition(".")[0])
QUESTION = {"model": "scripted", "max_tokens": 64, "messages": [{"role": "user", "content": "count"}]}


def claude_of_body(body: bytes, media_type: str = "application/json") -> anthropic.Anthropic:
    """Return a client whose server answers each request with this body and the status 200."""
    headers = {"content-type": media_type}
    answer = http.MockTransport(lambda _: http.Response(200, headers=headers, stream=Pieces(body)))
    return anthropic.Anthropic(api_key="none", max_retries=0, http_client=http.Client(transport=answer))


def claude_for_all(kind: Any = anthropic.Anthropic, **options: Any) -> Any:
    """Return a client whose server streams or answers, and refuses the model `refused`."""

    def handler(request: Any) -> Any:
        body = json.loads(request.content)
        if body["model"] == "refused":
            return http.Response(400, json=error(400))
        if not body.get("stream"):
            return http.Response(200, json=rules(body))
        answer = b"".join(map(sse, events(rules(body))))
        return http.Response(200, headers={"content-type": "text/event-stream"}, stream=Pieces(answer, 200))

    async def async_handler(request: Any) -> Any:
        return handler(request)

    if kind is anthropic.Anthropic:
        http_client = http.Client(transport=http.MockTransport(handler))
    else:
        http_client = http.AsyncClient(transport=http.MockTransport(async_handler))
    return kind(api_key="none", max_retries=0, http_client=http_client, **options)
