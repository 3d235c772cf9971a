"""A reader of the service's live feed of evaluated calls."""

from __future__ import annotations

import contextlib
import http.client
import json
import queue
import socket
import threading
from typing import Any

from otel_llm.errors import ServerError

_CONNECT_S = 10


class FeedReader:
    """The lines of the feed, read by a thread until the server ends it. Use as a context manager."""

    def __init__(self, host: str, port: int, path: str = "/debug/calls") -> None:
        """Connect; each call evaluated from now on is kept until `take`.

        Raises:
            ServerError: the address does not answer, or not with a feed.
        """
        self._url = f"http://{host}:{port}{path}"
        self._lines: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        connection = http.client.HTTPConnection(host, port, timeout=_CONNECT_S)
        try:
            connection.connect()
            self._socket: socket.socket = connection.sock
            connection.request("GET", path)
            self._response = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise ServerError(f"the feed of calls at {self._url} does not answer: {error}") from error
        if self._response.status != http.HTTPStatus.OK:
            connection.close()
            raise ServerError(f"the feed of calls at {self._url} answered {self._response.status}")
        self._socket.settimeout(None)  # the feed is silent while nobody calls a model
        self._thread = threading.Thread(target=self._read, name="feed", daemon=True)
        self._thread.start()

    def take(self) -> list[dict[str, Any]]:
        """Return the lines since the last `take`.

        Raises:
            ServerError: the server ended the feed, and all lines were taken.
        """
        ended = not self._thread.is_alive()
        lines = []
        while not self._lines.empty():
            lines.append(self._lines.get())
        if ended and not lines:
            raise ServerError(f"the feed of calls at {self._url} has ended")
        return lines

    def close(self) -> None:
        """Close the connection and end the thread."""
        with contextlib.suppress(OSError):  # the server may have closed it first
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._response.close()

    def _read(self) -> None:
        with contextlib.suppress(OSError, http.client.HTTPException):  # the server is gone: `take` raises
            for line in self._response:
                if line.endswith(b"\n"):  # else the connection broke within a line
                    self._lines.put(json.loads(line))

    def __enter__(self) -> FeedReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
