"""A stand-in for `otel-llm collector` as one of several processes: it speaks to its parent as that does.

It listens on the shared OTLP/HTTP port, serves telemetry, prints the line that says so, and writes a line for each
thing that happens to it: on stdout, or on stderr once its parent is gone. Its first argument says how it behaves.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.exposition import choose_encoder

from otel_llm.ports import bind
from otel_llm.service.processes.parent import process_index, watch_parent

INDEX = process_index(os.environ)
REGISTRY = CollectorRegistry()
REQUESTS = Counter("requests", "Requests, by path.", ["path"], registry=REGISTRY)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("behaviour")
    parser.add_argument("--gate", type=Path, help="A FIFO: it is ready once somebody has written there.")
    for option in ("--grpc-port", "--http-port", "--telemetry-port"):
        parser.add_argument(option, type=int)
    options = parser.parse_args()
    say(f"started {os.getpid()}")
    if options.behaviour == "fail":
        print("a setting is wrong", file=sys.stderr)
        return 3
    if options.gate:
        options.gate.read_text()
    return asyncio.run(serve(options))


async def serve(options: argparse.Namespace) -> int:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()

    def end(why: str, stream=sys.stdout) -> None:
        say(why, stream)
        if options.behaviour != "stubborn":
            stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end, f"got {number.name}")
    loop.add_signal_handler(signal.SIGHUP, say, "got SIGHUP")
    watch_parent(lambda: end("parent is gone", sys.stderr))
    listen(options.http_port, reuse_port=True)
    telemetry = listen(options.telemetry_port)
    grpc, http = f"127.0.0.1:{options.grpc_port}", f"http://127.0.0.1:{options.http_port}"
    print(f"ready: OTLP/gRPC {grpc}, OTLP/HTTP {http}, metrics http://127.0.0.1:{telemetry}/metrics", flush=True)
    await stop.wait()
    return 4 if options.behaviour == "end with 4" else 0


def listen(port: int, *, reuse_port: bool = False) -> int:
    server = ThreadingHTTPServer(("127.0.0.1", port), Handler, bind_and_activate=False)
    server.socket.close()
    server.socket = bind("127.0.0.1", port, "", reuse_port=reuse_port)
    server.server_activate()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.socket.getsockname()[1]


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        REQUESTS.labels(self.path).inc(exemplar={"trace_id": "0af7651916cd43dd8448eb211c80319c"})
        match self.path:
            case "/metrics":
                encode, content_type = choose_encoder(self.headers.get("accept", ""))
                self.answer(content_type, encode(REGISTRY))
            case "/debug":
                self.answer("text/html; charset=utf-8", f"<p>process {INDEX}</p>".encode())
            case "/debug.json":
                self.answer("application/json", json.dumps({"version": INDEX}).encode())
            case "/debug/calls":
                self.answer("application/x-ndjson", json.dumps({"service": f"shop {INDEX}"}).encode() + b"\n")
                threading.Event().wait()  # a feed does not end
            case _:
                self.answer("text/plain", str(INDEX).encode())

    def answer(self, content_type: str, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, *_: object) -> None:
        pass


def say(what: str, stream=None) -> None:
    stream = stream or sys.stdout
    stream.write(f"{INDEX} {what}\n")  # at once, so that the lines of two processes stay whole
    stream.flush()


if __name__ == "__main__":
    sys.exit(main())
