"""Fixtures: services that run in the test's own process, and where their results go."""

from collections.abc import Iterator

import pytest
from otlp_sink import OtlpSink, otlp_sink

from otel_llm.service.running import Service
from support.service import LengthPipeline, service


@pytest.fixture
def pipeline() -> LengthPipeline:
    return LengthPipeline()


@pytest.fixture
def sink() -> Iterator[OtlpSink]:
    with otlp_sink() as sink:
        yield sink


@pytest.fixture
def running(pipeline: LengthPipeline, sink: OtlpSink) -> Iterator[Service]:
    """A service of the test's own, its events sent to the sink."""
    with service(
        pipeline, debug_calls=True, queue={"max_delay_s": 0.01}, events={"endpoint": sink.endpoint}
    ) as addresses:
        yield addresses


@pytest.fixture(scope="module")
def shared() -> Iterator[Service]:
    """One service for the tests that look at answers alone. It takes requests of up to 100,000 bytes."""
    with service(LengthPipeline(), max_request_bytes=100_000) as addresses:
        yield addresses
