#!/usr/bin/env bash
# openinference-instrumentation-openai 0.1.66 with openai 3.57.0: the client's one way out is `SyncAPIClient.request`, which `OpenAI`
# inherits. openinference sets a `request` of its own on the subclass `OpenAI` and keeps the function that it found. So a wrapper that
# is put on `SyncAPIClient.request` before is called; one that is put there later is never called, without a word. `uninstrument`
# does not help: it sets the found function on `OpenAI`, where there was none, so the base class stays covered.
#
# Seen: "wrapped before: 1 call", "wrapped after: 0 calls", "wrapped after, uninstrumented: 0 calls".
# The server is a stand-in on loopback that answers in the provider's wire format.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet openinference-instrumentation-openai==0.1.66 openai==3.57.0

cat > "$folder/calls.py" <<'PY'
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import openai
from openai._base_client import SyncAPIClient
from openinference.instrumentation.openai import OpenAIInstrumentor

BODY = json.dumps(
    {
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
    }
).encode()
calls = []


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def log_message(self, *_):
        pass


def wrap():
    inner = SyncAPIClient.request

    def request(self, *arguments, **options):
        calls.append(arguments)
        return inner(self, *arguments, **options)

    SyncAPIClient.request = request


steps = {"wrap": wrap, "instrument": OpenAIInstrumentor().instrument, "uninstrument": OpenAIInstrumentor().uninstrument}
for step in sys.argv[1:]:
    steps[step]()
server = HTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}/v1"
with openai.OpenAI(api_key="none", base_url=url, max_retries=0) as client:
    answer = client.chat.completions.create(model="m", messages=[{"role": "user", "content": "Hi"}])
assert answer.choices[0].message.content == "Hello"
print(len(calls))
PY

unset "${!OTEL_@}"
before=$("$folder/venv/bin/python" "$folder/calls.py" wrap instrument)
after=$("$folder/venv/bin/python" "$folder/calls.py" instrument wrap)
uninstrumented=$("$folder/venv/bin/python" "$folder/calls.py" instrument wrap uninstrument)
echo "wrapped before: $before call"
echo "wrapped after: $after calls"
echo "wrapped after, uninstrumented: $uninstrumented calls"
[[ "$before $after $uninstrumented" == "1 0 0" ]]
