#!/usr/bin/env bash
# litellm 1.110.2, callback `otel`: where the application has a current span, `completion` gets no span of its own. Its operation name,
# model and token counts are written onto the application's span, so that this span passes for an inference, and a second call
# under the same span replaces the first one's counts. With stream=True the call has a span of its own, but the current span is not
# its parent: it is the root of another trace.
#
# Seen: "two calls of 10 and 20 tokens: application's span chat, 20 tokens; litellm_request spans: 0",
# "streamed: application's span None, None tokens; litellm_request spans: 1, in the application's trace: False".
# The server is a stand-in on loopback that answers in the provider's wire format.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet litellm==1.110.2 opentelemetry-sdk==1.45.2 opentelemetry-exporter-otlp-proto-http==1.45.2

unset "${!OTEL_@}"
export LITELLM_LOCAL_MODEL_COST_MAP=True LITELLM_LOG=ERROR OTEL_EXPORTER=in_memory
"$folder/venv/bin/python" - <<'PY'
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import litellm
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

INPUT_TOKENS = "gen_ai.usage.input_tokens"


def reply(request):
    tokens = 10 * len(request["messages"])
    common = {"id": "chatcmpl-1", "created": 1, "model": "m"}
    usage = {"prompt_tokens": tokens, "completion_tokens": 2, "total_tokens": tokens + 2}
    message = {"role": "assistant", "content": "Hello"}
    if not request.get("stream"):
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return "application/json", json.dumps({**common, "object": "chat.completion", "choices": [choice], "usage": usage})
    chunks = [
        {"choices": [{"index": 0, "delta": message, "finish_reason": None}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        {"choices": [], "usage": usage},
    ]
    lines = [json.dumps({**common, "object": "chat.completion.chunk", **chunk}) for chunk in chunks]
    return "text/event-stream", "".join(f"data: {line}\n\n" for line in [*lines, "[DONE]"])


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        media_type, text = reply(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        body = text.encode()
        self.send_response(200)
        self.send_header("content-type", media_type)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)
tracer = trace.get_tracer("app")
litellm.callbacks = ["otel"]


def complete(messages, stream=False):
    url = f"http://127.0.0.1:{server.server_port}/v1"
    conversation = [{"role": "user", "content": "Hi"}] * messages
    answer = litellm.completion(model="openai/m", api_base=url, api_key="none", messages=conversation, stream=stream)
    if stream:
        assert list(answer)


def wait_until(is_told):
    """Wait for the callback, which runs in another thread."""
    until = time.monotonic() + 30
    while not is_told():
        assert time.monotonic() < until, "litellm's callback wrote nothing of the call"
        time.sleep(0.02)


def litellm_spans():
    return [span for span in exporter.get_finished_spans() if span.name == "litellm_request"]


with tracer.start_as_current_span("app") as app:
    for messages in (1, 2):
        complete(messages)
        wait_until(lambda: app.attributes.get(INPUT_TOKENS) == 10 * messages)
whole = (app.attributes["gen_ai.operation.name"], app.attributes[INPUT_TOKENS], len(litellm_spans()))
exporter.clear()
with tracer.start_as_current_span("app") as app:
    complete(1, stream=True)
    wait_until(litellm_spans)
(span,) = litellm_spans()
same_trace = span.context.trace_id == app.context.trace_id
streamed = (app.attributes.get("gen_ai.operation.name"), app.attributes.get(INPUT_TOKENS), span.parent, same_trace)
print(f"two calls of 10 and 20 tokens: application's span {whole[0]}, {whole[1]} tokens; litellm_request spans: {whole[2]}")
print(f"streamed: application's span {streamed[0]}, {streamed[1]} tokens; litellm_request spans: 1, in the application's trace: {same_trace}")
assert whole == ("chat", 20, 0), whole
assert streamed == (None, None, None, False), streamed
assert span.attributes[INPUT_TOKENS] == 10
PY
