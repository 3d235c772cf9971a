"""A server that speaks the wire format of Anthropic's Messages API, over a socket.

It stands in for the provider, which tests cannot have. The format: Anthropic's API reference, "Messages",
"Streaming Messages" and "Errors", and the types of anthropic 2.14.
What it answers depends on the last message: `rules`.
"""

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

USAGE = {"input_tokens": 20, "output_tokens": 3}
CACHED_USAGE = {
    "input_tokens": 10, "cache_creation_input_tokens": 100, "cache_read_input_tokens": 1000, "output_tokens": 5,
    "cache_creation": {"ephemeral_5m_input_tokens": 60, "ephemeral_1h_input_tokens": 40},
    "output_tokens_details": {"thinking_tokens": 2}, "server_tool_use": {"web_search_requests": 1},
    "service_tier": "standard",
}  # fmt: skip
DEFAULT_STOP_REASON = "end_turn"
ERRORS = {429: "rate_limit_error", 529: "overloaded_error", 400: "invalid_request_error"}
DELTAS = {
    "text": ("text_delta", "text"),
    "thinking": ("thinking_delta", "thinking"),
    "tool_use": ("input_json_delta", "partial_json"),
}


def text(content: str) -> dict[str, Any]:
    return {"type": "text", "text": content}


def message(*content: dict[str, Any], stop_reason: str | None = None, usage: Any = None) -> dict[str, Any]:
    return {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "scripted", "content": list(content),
        "stop_reason": stop_reason or DEFAULT_STOP_REASON, "stop_sequence": None, "usage": usage or USAGE,
    }  # fmt: skip


ANSWERS = {
    "evil": message(text("I will not."), stop_reason="refusal"),
    "long": message(text("alpha beta gamma delta")),
    "cached": message(text("one two three"), usage=CACHED_USAGE),
    "tools": message(
        {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Graz"}}, stop_reason="tool_use"
    ),
    "output_config": message(text('{"city": "Graz", "days": 2}')),
    "thinking": message(
        {"type": "thinking", "thinking": "They count.", "signature": "c2ln"},
        {"type": "redacted_thinking", "data": "c2VjcmV0"},
        text("one two three"),
    ),
}


def error(status: int) -> dict[str, Any]:
    return {"type": "error", "error": {"type": ERRORS[status], "message": "Not now."}, "request_id": "req_1"}


def question_of(body: dict[str, Any]) -> str:
    content = body["messages"][-1]["content"]
    return content if isinstance(content, str) else " ".join(block.get("text", "") for block in content)


def rules(body: dict[str, Any]) -> dict[str, Any]:
    """Return the message that answers a request: by what is asked, else by how it is asked."""
    question = question_of(body)
    for word, answer in ANSWERS.items():
        if word in question or word in body:
            return answer
    return message(text("one two three"))


def events(answer: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the events of a streamed message, in the documented order."""
    start = {**answer, "content": [], "stop_reason": None, "usage": {**answer["usage"], "output_tokens": 1}}
    yield {"type": "message_start", "message": start}
    yield {"type": "ping"}
    for index, block in enumerate(answer["content"]):
        yield from block_events(index, block)
    delta = {"stop_reason": answer["stop_reason"], "stop_sequence": None}
    usage = {"output_tokens": answer["usage"]["output_tokens"], "input_tokens": None}
    yield {"type": "message_delta", "delta": delta, "usage": usage}
    yield {"type": "message_stop"}


def block_events(index: int, block: dict[str, Any]) -> Iterator[dict[str, Any]]:
    said: dict[str, Any] = {"text": block.get("text"), "thinking": block.get("thinking"), "tool_use": "input"}
    kind = block["type"]
    empty = {**block, **({"input": {}} if kind == "tool_use" else {kind: ""} if kind in DELTAS else {})}
    yield {"type": "content_block_start", "index": index, "content_block": empty}
    if kind in DELTAS:
        whole = json.dumps(block["input"]) if kind == "tool_use" else said[kind]
        delta, field = DELTAS[kind]
        for word in whole.split(" "):
            piece = word if whole.startswith(word) else f" {word}"
            yield {"type": "content_block_delta", "index": index, "delta": {"type": delta, field: piece}}
    yield {"type": "content_block_stop", "index": index}


def sse(event: dict[str, Any]) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()


class Handler(BaseHTTPRequestHandler):
    """Answers one request after another of one connection."""

    protocol_version = "HTTP/1.1"
    server: "MessagesServer"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with self.server.lock:
            self.server.requests.append((self.path, dict(self.headers), body))
        if "count_tokens" in self.path:
            self._json(200, {"input_tokens": 20})
        elif (status := self._refusal(question_of(body))) is not None:
            self._json(status, error(status))
        elif body.get("stream"):
            with contextlib.suppress(ConnectionError):  # the client has left
                self._stream(body)
        else:
            self._json(200, rules(body))

    def _refusal(self, question: str) -> int | None:
        if "rate limit" in question:
            return 429
        if "wrong" in question:
            return 400
        with self.server.lock:
            first = question not in self.server.failed
            self.server.failed.add(question)
        return 529 if "fails once" in question and first else None

    def _json(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.send_header("retry-after-ms", "1")
        self.end_headers()
        self.wfile.write(data)

    def _stream(self, body: dict[str, Any]) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream; charset=utf-8")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        question = question_of(body)
        for event in events(rules(body)):
            if "overloaded midway" in question and event["type"] == "content_block_stop":
                self._chunk(sse(error(529)))
                break
            self._chunk(sse(event))
            if "long" in question:
                time.sleep(0.05)  # the pace of the answer, so that it can be left in between
        self._chunk(b"")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def log_message(self, *_: Any) -> None:
        pass


class MessagesServer(ThreadingHTTPServer):
    """Serves each connection on a thread; keeps the requests, as `(path, headers, body)`."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.Lock()
        self.requests: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self.failed: set[str] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, *_: Any) -> None:
        """Say nothing: a client that leaves closes its connection."""


@contextlib.contextmanager
def serving_messages() -> Iterator[MessagesServer]:
    with MessagesServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
