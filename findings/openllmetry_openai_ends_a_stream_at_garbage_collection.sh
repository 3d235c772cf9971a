#!/usr/bin/env bash
# opentelemetry-instrumentation-openai 0.62.4 (OpenLLMetry) with openai 3.57.0: the span of a stream that is left before its end is
# ended by `with`, but neither by the stream's `close` nor by `async with`: then it lasts until the stream object is collected as
# garbage. Its duration is that of the variable, and a stream that is still referred to when the provider is shut down has no span.
#
# Seen: "with: ended", "close: open, ended by collection", "async with: open, ended by collection", "close, kept until shutdown: no span";
# on stderr the SDK's "Processor is already shutdown, ignoring call", for the last one.
# The server is a stand-in on loopback that answers in the provider's wire format.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet opentelemetry-instrumentation-openai==0.62.4 openai==3.57.0 opentelemetry-sdk==1.45.2

unset "${!OTEL_@}"
"$folder/venv/bin/python" - <<'PY'
import asyncio
import gc
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import openai
from opentelemetry.instrumentation.openai import OpenAIInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

CHUNK = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
CHOICES = [
    {"index": 0, "delta": {"role": "assistant", "content": "Hel"}, "finish_reason": None},
    {"index": 0, "delta": {"content": "lo"}, "finish_reason": "stop"},
]
LINES = [*(json.dumps({**CHUNK, "choices": [choice]}) for choice in CHOICES), "[DONE]"]
BODY = "".join(f"data: {line}\n\n" for line in LINES).encode()


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("content-length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
OpenAIInstrumentor().instrument(tracer_provider=provider)
options = {"api_key": "none", "base_url": f"http://127.0.0.1:{server.server_port}/v1", "max_retries": 0}
request = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "stream": True}
client = openai.OpenAI(**options)


def left_by_with():
    with client.chat.completions.create(**request) as stream:
        next(iter(stream))
    return stream


def left_by_close():
    stream = client.chat.completions.create(**request)
    next(iter(stream))
    stream.close()
    return stream


def left_by_async_with():
    async def leave():
        async with openai.AsyncOpenAI(**options) as async_client:
            stream = await async_client.chat.completions.create(**request)
            async with stream:
                await anext(aiter(stream))
            return stream

    return asyncio.run(leave())


def ended(leave):
    """The count of ended spans while the stream is referred to, and after."""
    exporter.clear()
    stream = leave()
    while_kept = len(exporter.get_finished_spans())
    del stream
    gc.collect()
    return while_kept, len(exporter.get_finished_spans())


found = {
    "with": ended(left_by_with),
    "close": ended(left_by_close),
    "async with": ended(left_by_async_with),
}
exporter.clear()
kept = left_by_close()
provider.shutdown()
del kept
gc.collect()
at_shutdown = len(exporter.get_finished_spans())
words = {(1, 1): "ended", (0, 1): "open, ended by collection"}
for name, counts in found.items():
    print(f"{name}: {words.get(counts, counts)}")
print(f"close, kept until shutdown: {at_shutdown or 'no'} span")
assert found == {"with": (1, 1), "close": (0, 1), "async with": (0, 1)}, found
assert at_shutdown == 0, at_shutdown
PY
