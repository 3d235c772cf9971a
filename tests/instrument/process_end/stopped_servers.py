"""Servers of Python, each run for real under `otel-llm run`, called, and stopped."""

import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from delivered import Delivered, counted, environment
from otlp_sink import otlp_sink
from support.receivers import wait_until

BIN = Path(sys.executable).parent
CALLS = 9
_LIMIT_S = 120


class Server(NamedTuple):
    """A server, and a way to stop it."""

    package: str
    """The distribution whose version the docs' table shows."""
    title: str
    """As the docs' table says."""
    command: str
    """The command line, with a place for the port."""
    status: int = 0
    """The exit status, which is that of the server without us."""
    stop: signal.Signals = signal.SIGTERM


KILLED = -signal.SIGTERM
# fmt: off
SERVERS = [
    Server("uvicorn", "`uvicorn`", "uvicorn shop:asgi --port {port}", KILLED),
    Server("uvicorn", "`uvicorn`, Ctrl+C", "uvicorn shop:asgi --port {port}", 0, signal.SIGINT),
    Server("uvicorn", "`uvicorn --workers 2`", "uvicorn shop:asgi --workers 2 --port {port}"),
    Server("gunicorn", "`gunicorn`", "gunicorn shop:wsgi -w 2 -b 127.0.0.1:{port}"),
    Server("gunicorn", "`gunicorn --preload`", "gunicorn shop:wsgi -w 2 --preload -b 127.0.0.1:{port}"),
    Server(
        "gunicorn", "`gunicorn --max-requests 2`", "gunicorn shop:wsgi -w 2 --max-requests 2 -b 127.0.0.1:{port}"
    ),
    Server("gunicorn", "`gunicorn -k gthread`", "gunicorn shop:wsgi -w 2 --threads 2 -b 127.0.0.1:{port}"),
    Server("gevent", "`gunicorn -k gevent`", "gunicorn shop:wsgi -w 2 -k gevent -b 127.0.0.1:{port}"),
    Server("gunicorn", "`gunicorn -k asgi`", "gunicorn shop:asgi -w 2 -k asgi -b 127.0.0.1:{port}"),
    Server(
        "uvicorn-worker", "`gunicorn -k uvicorn_worker.UvicornWorker`",
        "gunicorn shop:asgi -w 2 -k uvicorn_worker.UvicornWorker -b 127.0.0.1:{port}",
    ),
    Server(
        "uvicorn", "`gunicorn --preload -k uvicorn.workers.UvicornWorker`",
        "gunicorn shop:asgi -w 2 --preload -k uvicorn.workers.UvicornWorker -b 127.0.0.1:{port}",
    ),
    Server("hypercorn", "`hypercorn`", "hypercorn shop:asgi -b 127.0.0.1:{port}"),
    Server("hypercorn", "`hypercorn -w 2`", "hypercorn shop:asgi -w 2 -b 127.0.0.1:{port}"),
    Server(
        "granian", "`granian --interface asgi`",
        "granian shop:asgi --interface asgi --port {port}",
    ),
    Server("granian", "`granian --interface wsgi`", "granian shop:wsgi --interface wsgi --port {port}"),
    Server("waitress", "`waitress-serve`", "waitress-serve --listen 127.0.0.1:{port} shop:wsgi", KILLED),
    Server("flask", "`flask run`", "flask --app shop:flask_app run --port {port}", KILLED),
    Server(
        "django", "`manage.py runserver --noreload`", "python -m shop runserver --noreload {port}", KILLED
    ),
    Server("celery", "`celery worker -P prefork`", "celery -A shop_tasks worker -l info -c 2 -P prefork"),
    Server(
        "celery", "`celery worker --max-tasks-per-child 2`",
        "celery -A shop_tasks worker -l info -c 2 --max-tasks-per-child 2",
    ),
]
# fmt: on


def delivered_by(server: Server, folder: Path) -> Delivered:
    """Run the server, call it, stop it, and return what came."""
    variables, port, log = environment(BROKER_FOLDER=str(folder)), free_port(), folder / "output.log"
    program, *options = server.command.format(port=port).split()
    with otlp_sink() as sink, log.open("wb") as output:
        process = subprocess.Popen(
            [BIN / "otel-llm", "run", "--endpoint", sink.endpoint, "--", BIN / program, *options],
            env=variables, cwd=folder, stdout=output, stderr=output,
        )  # fmt: skip
        try:
            if server.package == "celery":
                _send_tasks(variables, log)
            else:
                wait_until(lambda: process.poll() is not None or _call(port), _LIMIT_S)
                for _ in range(CALLS - 1):
                    assert _call(port), log.read_text()
            process.send_signal(server.stop)
            status = process.wait(_LIMIT_S)
        finally:
            process.kill()
            process.wait()
        return Delivered(status, *counted(sink), log.read_text())


def version_of(server: Server) -> str:
    return f"{server.package} {version(server.package)}"


def free_port() -> int:
    """Return a port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def _call(port: int) -> bool:
    """Return True if the app has answered."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=_LIMIT_S) as response:
            return response.status == 200
    except (urllib.error.URLError, ConnectionError):
        return False


def _send_tasks(environment: dict[str, str], log: Path) -> None:
    sender = [sys.executable, "-m", "shop_tasks"]
    subprocess.run(sender, env={**environment, "TASKS": str(CALLS)}, check=True)
    wait_until(lambda: log.read_text().count("succeeded in") == CALLS, _LIMIT_S)
