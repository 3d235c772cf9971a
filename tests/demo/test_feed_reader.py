import contextlib
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from otel_llm.demo.feed_reader import FeedReader
from otel_llm.errors import ServerError
from otel_llm.ports import free_port


@contextlib.contextmanager
def feed_server(*pieces, hold=None, status=200):
    """Serve the pieces, then wait for the event `hold` before hanging up."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.end_headers()
            for piece in pieces:
                self.wfile.write(piece)
            self.wfile.flush()
            if hold:
                hold.wait(60)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            if hold:
                hold.set()
            server.shutdown()
            thread.join()


def take(feed, count):
    lines = []
    deadline = time.monotonic() + 60
    while len(lines) < count and time.monotonic() < deadline:
        lines += feed.take()
        time.sleep(0.01)
    return lines


def test_lines_are_taken_while_the_feed_is_open():
    hold = threading.Event()
    with feed_server(b'{"n": 1}\n{"n"', b": 2}\n", hold=hold) as port, FeedReader("127.0.0.1", port) as feed:
        assert take(feed, 2) == [{"n": 1}, {"n": 2}]
        assert feed.take() == []


def test_a_feed_that_ended_is_an_error_once_its_lines_are_taken():
    with feed_server(b'{"n": 1}\n', b'{"cut of') as port, FeedReader("127.0.0.1", port) as feed:
        assert take(feed, 1) == [{"n": 1}]
        with pytest.raises(ServerError, match="has ended"):
            take(feed, 1)


def test_closing_ends_a_feed_that_is_silent():
    hold = threading.Event()
    with feed_server(hold=hold) as port:
        feed = FeedReader("127.0.0.1", port)
        feed.close()
        assert not hold.is_set()  # the server has not hung up


def test_a_service_without_a_feed_is_an_error():
    with feed_server(status=404) as port, pytest.raises(ServerError, match="answered 404"):
        FeedReader("127.0.0.1", port)


def test_nobody_there_is_an_error():
    with pytest.raises(ServerError, match="does not answer"):
        FeedReader("127.0.0.1", free_port())
