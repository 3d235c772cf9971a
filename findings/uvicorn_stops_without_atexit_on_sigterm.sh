#!/usr/bin/env bash
# uvicorn 0.54.0, opentelemetry-sdk 1.45.2: on SIGTERM, the signal by which Docker, Kubernetes and systemd stop a service, uvicorn ends
# its requests and the application's lifespan in order, then restores the default handler and raises the signal again. So `atexit`
# functions do not run, and what waits in the SDK's batch processor, which is flushed there, is lost at each stop. SIGINT (Ctrl-C at
# the desk) ends by an exception, and they run. gunicorn 27.0.1's ASGI worker runs them on both. A `shutdown` of the provider in the
# lifespan's end works everywhere.
#
# Seen: "uvicorn SIGTERM: lifespan ended, 0 spans", "uvicorn SIGINT: lifespan ended, 1 spans", "gunicorn SIGTERM: lifespan ended, 1 spans".
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet uvicorn==0.54.0 gunicorn==27.0.1 opentelemetry-sdk==1.45.2

cat > "$folder/app.py" <<'PY'
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter

provider = TracerProvider()
exporter = ConsoleSpanExporter(formatter=lambda span: f"span {span.name}\n")
provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=60_000))


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        print("lifespan ended", flush=True)
        await send({"type": "lifespan.shutdown.complete"})
        return
    with provider.get_tracer("app").start_as_current_span("chat"):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body"})
PY

unset "${!OTEL_@}"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request


def command(server, port):
    if server == "uvicorn":
        return ["-m", "uvicorn", "app:app", "--port", str(port)]
    return ["-m", "gunicorn", "app:app", "--worker-class", "asgi", "--bind", f"127.0.0.1:{port}", "--no-control-socket"]


def stopped(server, stop):
    """What the server printed from its first request on, stopped by the signal."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    arguments = [sys.executable, *command(server, port)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        while process.poll() is None:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=20).close()
                break
            except urllib.error.URLError:
                time.sleep(0.05)
        process.send_signal(stop)
        return process.communicate(timeout=60)[0].splitlines()


found = {}
for server, stop in (("uvicorn", signal.SIGTERM), ("uvicorn", signal.SIGINT), ("gunicorn", signal.SIGTERM)):
    lines = stopped(server, stop)
    assert "lifespan ended" in lines, lines
    found[f"{server} {stop.name}"] = lines.count("span chat")
for name, spans in found.items():
    print(f"{name}: lifespan ended, {spans} spans")
assert found == {"uvicorn SIGTERM": 0, "uvicorn SIGINT": 1, "gunicorn SIGTERM": 1}, found
PY
