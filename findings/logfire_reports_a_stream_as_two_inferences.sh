#!/usr/bin/env bash
# logfire 5.4.0 with openai 3.57.0: one streamed call is two spans of scope logfire.openai, both with gen_ai.operation.name `chat` and the
# model, so that a reader that takes each such span for an inference counts two. The first ends before the stream is read and has no
# token counts; the second, of type `log`, has the counts and the answer but no duration, and is not its child but its sibling.
# A call that is not streamed is one span.
#
# Seen: "whole: [(3, 2, 'span')]", "streamed: [(None, None, 'span'), (3, 2, 'log')]".
# The server is a stand-in on loopback that answers in the provider's wire format.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet logfire==5.4.0 openai==3.57.0

unset "${!OTEL_@}" "${!LOGFIRE_@}"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import logfire
import openai
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

COMMON = {"id": "chatcmpl-1", "created": 1, "model": "m"}
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
MESSAGE = {"role": "assistant", "content": "Hello"}
WHOLE = {"choices": [{"index": 0, "message": MESSAGE, "finish_reason": "stop"}], "usage": USAGE}
CHUNKS = [
    {"choices": [{"index": 0, "delta": MESSAGE, "finish_reason": None}]},
    {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    {"choices": [], "usage": USAGE},
]


def reply(request):
    if not request.get("stream"):
        return "application/json", json.dumps({**COMMON, "object": "chat.completion", **WHOLE})
    lines = [json.dumps({**COMMON, "object": "chat.completion.chunk", **chunk}) for chunk in CHUNKS]
    return "text/event-stream", "".join(f"data: {line}\n\n" for line in [*lines, "[DONE]"])


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        media_type, text = reply(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        self.send_response(200)
        self.send_header("content-type", media_type)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
exporter = InMemorySpanExporter()
processors = [SimpleSpanProcessor(exporter)]
logfire.configure(send_to_logfire=False, console=False, inspect_arguments=False, additional_span_processors=processors)
logfire.instrument_openai()
client = openai.OpenAI(api_key="none", base_url=f"http://127.0.0.1:{server.server_port}/v1", max_retries=0)


def chat_spans(**options):
    exporter.clear()
    with logfire.span("app") as app:
        answer = client.chat.completions.create(model="m", messages=[{"role": "user", "content": "Hi"}], **options)
        if options:
            assert len(exporter.get_finished_spans()) == 1
            assert len(list(answer)) == len(CHUNKS)
    spans = [span for span in exporter.get_finished_spans() if span.attributes.get("gen_ai.operation.name") == "chat"]
    assert all(span.parent.span_id == app.get_span_context().span_id for span in spans)
    assert all(span.attributes["gen_ai.request.model"] == "m" for span in spans)
    return spans


def told(span):
    keys = ("gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens", "logfire.span_type")
    return tuple(span.attributes.get(key) for key in keys)


whole = chat_spans()
streamed = chat_spans(stream=True, stream_options={"include_usage": True})
found = ([told(span) for span in whole], [told(span) for span in streamed])
print(f"whole: {found[0]}")
print(f"streamed: {found[1]}")
assert found == ([(3, 2, "span")], [(None, None, "span"), (3, 2, "log")]), found
assert streamed[0].end_time <= streamed[1].start_time == streamed[1].end_time
assert {span.instrumentation_scope.name for span in (*whole, *streamed)} == {"logfire.openai"}
PY
