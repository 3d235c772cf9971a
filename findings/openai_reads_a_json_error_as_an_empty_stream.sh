#!/usr/bin/env bash
# openai 3.57.0: with stream=True, a server that answers 200 with a JSON error body (gateways do, when an upstream fails) gives the
# caller a stream without any chunk and without any error: the media type of the answer is not looked at. Without stream=True the same
# body is a ChatCompletion whose `choices` is None, and no error either.
#
# Seen: "streamed: 0 chunks, no error", "whole: ChatCompletion, choices None, no error".
# The server is a stand-in on loopback that answers in the provider's wire format.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet openai==3.57.0

"$folder/venv/bin/python" - <<'PY'
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import openai

BODY = json.dumps({"error": {"message": "Upstream error", "code": 502}}).encode()


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


server = HTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}/v1"
with openai.OpenAI(api_key="none", base_url=url, max_retries=0) as client:
    messages = [{"role": "user", "content": "Hi"}]
    chunks = list(client.chat.completions.create(model="m", messages=messages, stream=True))
    whole = client.chat.completions.create(model="m", messages=messages)
found = (len(chunks), type(whole).__name__, whole.choices)
print(f"streamed: {found[0]} chunks, no error")
print(f"whole: {found[1]}, choices {found[2]}, no error")
assert found == (0, "ChatCompletion", None), found
PY
