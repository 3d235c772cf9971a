"""The model server: in a thread of the test, or as the command."""

import re
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from otel_llm.demo.child_process import ChildProcess
from otel_llm.ports import bind
from otel_llm.serve.app import create_app
from otel_llm.serve.models.model import Model
from otel_llm.serve.server import create_server


@contextmanager
def serving(*models: Model, max_body_bytes: int = 1 << 20) -> Iterator[str]:
    """Serve the models on a free port; gives the API's base URL."""
    ready = threading.Event()
    with bind("127.0.0.1", 0, "") as sock:
        server = create_server(create_app(models, max_body_bytes=max_body_bytes), ready.set)
        thread = threading.Thread(target=server.run, args=([sock],))
        thread.start()
        try:
            assert ready.wait(60)
            yield f"http://127.0.0.1:{sock.getsockname()[1]}/v1"
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def served_script(script: Path, log: Path) -> Iterator[str]:
    """Run `otel-llm serve --scripted-only --script SCRIPT`; gives the API's base URL."""
    command = [
        sys.executable,
        "-m",
        "otel_llm",
        "serve",
        "--scripted-only",
        "--script",
        str(script),
        "--port",
        "0",
    ]
    with ChildProcess("otel-llm serve", command, log_path=log) as process:
        deadline = time.monotonic() + 60
        while not (found := re.search(r"http://\S+", log.read_text())):
            assert process.returncode is None, process.log_tail()
            assert time.monotonic() < deadline, process.log_tail()
            time.sleep(0.02)
        yield found[0]
