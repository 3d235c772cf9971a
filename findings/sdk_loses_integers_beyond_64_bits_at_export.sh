#!/usr/bin/env bash
# opentelemetry-sdk 1.45.2, opentelemetry-exporter-otlp-proto-http 1.45.2: an integer of more than 64 bits (a `uuid.int`, an unsigned hash)
# is taken by `set_attribute` without a word, and is there in the in-memory exporter that tests read. Over OTLP it is missing: the
# exporter logs "Failed to encode key" with a traceback for each such attribute and sends the span without it. Of a list of integers,
# one too large costs the whole list. A value of a wrong type (a set) is warned of when it is set, and is sent as its text.
#
# Seen: "in memory: ['fits', 'too_large', 'list', 'set']", "over OTLP: ['fits', 'set']",
# "logged: ['Failed to encode key too_large', 'Failed to encode key list']".
# The server is a stand-in on loopback that reads OTLP.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet opentelemetry-sdk==1.45.2 opentelemetry-exporter-otlp-proto-http==1.45.2

unset "${!OTEL_@}"
"$folder/venv/bin/python" - <<'PY'
import logging
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

requests = []
logged = []


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        requests.append(ExportTraceServiceRequest.FromString(body))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Errors(logging.Handler):
    def emit(self, record):
        assert record.exc_info
        logged.append(record.getMessage().partition(":")[0])


logging.getLogger().addHandler(Errors(logging.ERROR))
server = HTTPServer(("127.0.0.1", 0), Receiver)
threading.Thread(target=server.serve_forever, daemon=True).start()
memory = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(memory))
url = f"http://127.0.0.1:{server.server_port}/v1/traces"
provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(endpoint=url)))
with provider.get_tracer("app").start_as_current_span("chat") as span:
    span.set_attribute("fits", 2**63 - 1)
    span.set_attribute("too_large", 2**63)
    span.set_attribute("list", [1, 2**63])
    span.set_attribute("set", {1})
provider.shutdown()

(exported,) = memory.get_finished_spans()
(sent,) = requests[0].resource_spans[0].scope_spans[0].spans
found = (list(exported.attributes), [attribute.key for attribute in sent.attributes], logged)
print(f"in memory: {found[0]}")
print(f"over OTLP: {found[1]}")
print(f"logged: {found[2]}")
assert found == (
    ["fits", "too_large", "list", "set"],
    ["fits", "set"],
    ["Failed to encode key too_large", "Failed to encode key list"],
), found
PY
