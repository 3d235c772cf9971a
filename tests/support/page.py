"""A page of metrics for Prometheus, by the real SDK and its real exporter."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import CollectorRegistry, start_http_server


@contextmanager
def metrics_page() -> Iterator[tuple[MeterProvider, str]]:
    """Serve what is recorded with the provider; yield it, and the host and port of the page."""
    registry = CollectorRegistry()
    provider = MeterProvider([PrometheusMetricReader(registry=registry)])
    server, thread = start_http_server(0, "127.0.0.1", registry)
    try:
        yield provider, f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        provider.shutdown()


@contextmanager
def repeated(action: Callable[[], object], every_s: float) -> Iterator[None]:
    """Do it again and again beside the test, as traffic does."""
    ended = threading.Event()

    def go_on() -> None:
        while not ended.wait(every_s):
            action()

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
