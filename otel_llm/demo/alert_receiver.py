"""A webhook receiver on loopback that keeps the alerts of an Alertmanager."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from otel_llm.errors import ServerError

Delivery = dict[str, Any]
"""The body of one webhook call: Alertmanager's documentation, "webhook_config", version 4."""


class AlertReceiver:
    """Takes webhook calls on a loopback port, in a thread. Use as a context manager, or call `stop`."""

    def __init__(self, port: int = 0) -> None:
        self._deliveries: list[Delivery] = []
        self._arrived = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, name="alert-receiver", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """The URL for `webhook_configs.url` of an Alertmanager."""
        return f"http://127.0.0.1:{self._server.server_port}/"

    @property
    def deliveries(self) -> list[Delivery]:
        """All bodies that have arrived, the oldest first."""
        with self._arrived:
            return list(self._deliveries)

    def wait_for(self, wanted: Callable[[Delivery], bool], timeout_s: float) -> Delivery:
        """Return the first delivery for which `wanted` is True, waiting for it if need be.

        Raises:
            ServerError: no such delivery arrived within `timeout_s`; the message names the alerts that arrived.
        """

        def found() -> Delivery | None:
            return next((delivery for delivery in self._deliveries if wanted(delivery)), None)

        with self._arrived:
            delivery = self._arrived.wait_for(found, timeout_s)
            if delivery is None:
                seen = [(d["status"], d["commonLabels"].get("alertname")) for d in self._deliveries]
                raise ServerError(f"the alert did not arrive within {timeout_s:g} s; what arrived: {seen}")
            return delivery

    def stop(self) -> None:
        """Close the port and end the thread."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def __enter__(self) -> AlertReceiver:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _keep(self, delivery: Delivery) -> None:
        with self._arrived:
            self._deliveries.append(delivery)
            self._arrived.notify_all()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        keep = self._keep

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                keep(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                pass  # the terminal belongs to the demo's view

        return Handler
