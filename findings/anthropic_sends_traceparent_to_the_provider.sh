#!/usr/bin/env bash
# anthropic 2.14.0, opentelemetry-sdk 1.45.2: once a process has a tracer provider, the client, unasked, opens a span of its own for
# each call and sends its trace id to the provider in the header `traceparent`. `suppress_instrumentation`, which other
# instrumentations heed, changes nothing; the constructor's `open_telemetry=False` does.
#
# Seen: "default: traceparent True, spans ['anthropic.messages.create']", "suppressed: the same", "open_telemetry=False: traceparent False, spans []".
# The server is a stand-in on loopback that answers in the provider's wire format.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet anthropic==2.14.0 opentelemetry-sdk==1.45.2 opentelemetry-instrumentation==0.66b2

"$folder/venv/bin/python" - <<'PY'
import contextlib
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import anthropic
from opentelemetry import trace
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

MESSAGE = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-5", "stop_reason": "end_turn",
    "content": [{"type": "text", "text": "Hello."}], "usage": {"input_tokens": 3, "output_tokens": 2},
}
seen = []


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        seen.append("traceparent" in self.headers)
        body = json.dumps(MESSAGE).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
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


def call(context=contextlib.nullcontext, **options):
    exporter.clear()
    url = f"http://127.0.0.1:{server.server_port}"
    with anthropic.Anthropic(api_key="none", base_url=url, max_retries=0, **options) as client, context():
        client.messages.create(model="claude-sonnet-5", max_tokens=9, messages=[{"role": "user", "content": "Hi"}])
    return seen.pop(), [span.name for span in exporter.get_finished_spans()]


found = {
    "default": call(),
    "suppressed": call(suppress_instrumentation),
    "open_telemetry=False": call(open_telemetry=False),
}
for name, (sent, spans) in found.items():
    print(f"{name}: traceparent {sent}, spans {spans}")
own = (True, ["anthropic.messages.create"])
assert found == {"default": own, "suppressed": own, "open_telemetry=False": (False, [])}, found
PY
