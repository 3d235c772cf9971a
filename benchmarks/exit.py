"""How long a program takes from its last line to its end: by who instruments it, and what its endpoint does.

python benchmarks/exit.py
"""

import contextlib
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

RUNS = 5
SLOW_S = 1.0
BIN = Path(sys.executable).parent
APP = """
import importlib, openai, os, signal, time

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
# OpenTelemetry's SDK as its launcher sets it up, with a span and a count of the app's own in place of ours
SDK = """
from opentelemetry import metrics, trace
from opentelemetry.sdk._configuration import _OTelSDKConfigurator
_OTelSDKConfigurator().configure()
with trace.get_tracer("app").start_as_current_span("work"):
    metrics.get_meter("app").create_counter("work").add(1)
"""
ENDS = {"last line": "", "SIGTERM": "os.kill(os.getpid(), signal.SIGTERM)\n", "os._exit": "os._exit(0)\n"}


class Takes(BaseHTTPRequestHandler):
    wait_s = 0.0

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        time.sleep(self.wait_s)
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


class TakesSlowly(Takes):
    wait_s = SLOW_S


@contextlib.contextmanager
def served(handler: type[Takes]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def exit_s(command: list[str | Path], endpoint: str) -> float:
    environment = {
        **os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_TRACES_EXPORTER": "otlp", "OTEL_METRICS_EXPORTER": "otlp", "OTEL_LOGS_EXPORTER": "otlp",
    }  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    return time.time() - float(done.stdout)


def commands(folder: Path) -> Iterator[tuple[str, str, list[str | Path]]]:
    """Yield who instruments, the end, and the command."""
    for end, code in ENDS.items():
        app = folder / f"app{len(list(folder.iterdir()))}.py"
        app.write_text(APP + code)
        yield "nobody", end, [sys.executable, app]
        yield "otel-llm run", end, [BIN / "otel-llm", "run", "--", sys.executable, app]
    app = folder / "sdk.py"
    app.write_text(SDK + APP)
    yield "the plain SDK", "last line", [sys.executable, app]


def main() -> None:
    with contextlib.ExitStack() as stack:
        silent = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        endpoints = {
            "accepts telemetry": stack.enter_context(served(Takes)),
            f"accepts it after {SLOW_S:g} s": stack.enter_context(served(TakesSlowly)),
            "refuses the connection": "http://127.0.0.1:9",
            "never answers": f"http://127.0.0.1:{silent.getsockname()[1]}",
        }
        for who, end, command in commands(folder):
            for endpoint, url in endpoints.items() if who != "nobody" else [("none", "http://127.0.0.1:9")]:
                seconds = [exit_s(command, url) for _ in range(RUNS)]
                print(
                    f"{who:14} {end:10} {endpoint:24} {statistics.median(seconds):5.2f} s "
                    f"(median of {RUNS}, most {max(seconds):.2f} s)",
                    flush=True,
                )


if __name__ == "__main__":
    main()
