"""How long a program under `otel-llm run` takes from its last line to its end, by what its endpoint does.

python benchmarks/exit.py
"""

import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

RUNS = 2
OTEL_LLM = Path(sys.executable).with_name("otel-llm")
APP = """
import importlib, openai, time

httpx = importlib.import_module("httpx2" if openai.__version__.startswith("3.") else "httpx")
choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Fine."}}
answer = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
transport = httpx.MockTransport(lambda _: httpx.Response(200, json=answer))
client = openai.OpenAI(api_key="none", http_client=httpx.Client(transport=transport))
for _ in range(3):
    client.chat.completions.create(model="m", messages=[{"role": "user", "content": "How are you?"}])
time.sleep(2)  # the import of prices, in the background, is over
print(time.time(), flush=True)
"""


class Takes(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def exit_s(app: Path, endpoint: str | None) -> float:
    command = [sys.executable, str(app)]
    if endpoint is not None:
        command = [str(OTEL_LLM), "run", "--endpoint", endpoint, "--", *command]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=dict(os.environ))
    return time.time() - float(done.stdout)


def main() -> None:
    taking = ThreadingHTTPServer(("127.0.0.1", 0), Takes)
    threading.Thread(target=taking.serve_forever, daemon=True).start()
    with socket.create_server(("127.0.0.1", 0)) as silent, tempfile.TemporaryDirectory() as folder:
        app = Path(folder) / "app.py"
        app.write_text(APP)
        endpoints = {
            "not instrumented": None,
            "takes telemetry": f"http://127.0.0.1:{taking.server_port}",
            "refuses the connection": "http://127.0.0.1:9",
            "never answers": f"http://127.0.0.1:{silent.getsockname()[1]}",
        }
        for name, endpoint in endpoints.items():
            seconds = [exit_s(app, endpoint) for _ in range(RUNS)]
            print(f"{name:24} {statistics.median(seconds):5.2f} s (median of {RUNS}, most {max(seconds):.2f} s)")
    taking.shutdown()


if __name__ == "__main__":
    main()
