"""An OTLP/HTTP receiver that keeps requests for traces and logs, of either encoding, as OTLP/JSON."""

import base64
import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from google.protobuf.json_format import MessageToDict

from otel_llm.otlp.json import read_json
from otel_llm.otlp.signals import PATHS, SIGNALS, Signal

KEPT = {"service.name", "telemetry.sdk.language", "telemetry.sdk.name", "telemetry.sdk.version"}
"""Of a resource; the rest is about the machine."""
DROPPED = {"exception.stacktrace", "error.stack_trace"}
"""Paths of the machine."""
IDS = {"traceId", "spanId", "parentSpanId"}


class Recorder:
    """What has arrived."""

    def __init__(self, port: int) -> None:
        self.endpoint = f"http://127.0.0.1:{port}"
        self._requests: dict[Signal, list[Any]] = {"traces": [], "logs": []}

    def take(self, path: str, body: bytes) -> None:
        signal = PATHS[path]
        if signal in self._requests:
            data = read_json(signal, body)[0] if body.startswith(b"{") else body
            self._requests[signal].append(SIGNALS[signal].request.FromString(data))

    def as_json(self) -> dict[str, Any]:
        """Return all requests of a signal as one."""
        return {signal: _joined(requests) for signal, requests in self._requests.items()}


@contextmanager
def recording() -> Iterator[Recorder]:
    """Run the receiver on a free port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self._body()
            recorder.take(self.path, gzip.decompress(body) if self.headers["content-encoding"] == "gzip" else body)
            self.send_response(200)
            self.send_header("content-type", self.headers["content-type"])
            answer = b"{}" if "json" in self.headers["content-type"] else b""
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def _body(self) -> bytes:
            if self.headers["transfer-encoding"] != "chunked":
                return self.rfile.read(int(self.headers["content-length"]))
            chunks = []
            while size := int(self.rfile.readline(), 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(chunks)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    recorder = Recorder(server.server_port)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield recorder
    finally:
        server.shutdown()
        server.server_close()


def _joined(requests: list[Any]) -> dict[str, Any]:
    joined: dict[str, Any] = {}
    for request in requests:
        for key, value in MessageToDict(request, use_integers_for_enums=True).items():
            joined.setdefault(key, []).extend(value)
    return {key: [_scrubbed(resource) for resource in resources] for key, resources in joined.items()}


def _scrubbed(resource: dict[str, Any]) -> Any:
    attributes = resource.get("resource", {}).get("attributes", [])
    kept = [pair for pair in attributes if pair["key"] in KEPT]
    return _portable(resource | {"resource": {"attributes": kept}})


def _portable(value: Any) -> Any:
    """Return the value with hexadecimal ids, and without stacks."""
    if isinstance(value, list):
        return [_portable(item) for item in value if not (isinstance(item, dict) and item.get("key") in DROPPED)]
    if isinstance(value, dict):
        return {
            key: base64.b64decode(item).hex() if key in IDS else _portable(item) for key, item in value.items()
        }
    return value
