"""To the real Collector, and through it: what a backend behind it receives."""

from collections.abc import Iterator

import pytest
from otlp_sink import OtlpSink, otlp_sink
from support.otlp import log_records, logs
from support.receivers import wait_until
from support.servers import need
from support.spans import body, span

from otel_llm.config.send import DestinationSettings
from otel_llm.demo import servers
from otel_llm.demo.servers import Collector, start_collector
from otel_llm.ports import free_port
from otel_llm.send.client import open_client
from otel_llm.send.lane import SendOutcome
from otel_llm.send.sender import Sender

LIMIT = 1 << 20
LIMITED = f"""yaml:
receivers:
  otlp:
    protocols:
      grpc:
        max_recv_msg_size_mib: 1
      http:
        max_request_body_size: {LIMIT}
"""
PLAIN = {"host.name": "web-1"}
"""No GenAI span: it goes on to the backend alone, not to an evaluation as well."""


@pytest.fixture
def backend() -> Iterator[OtlpSink]:
    with otlp_sink() as sink:
        yield sink


@pytest.fixture
def collector(backend: OtlpSink, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    need(servers.COLLECTOR)
    with start_collector(
        tmp_path_factory.mktemp("collector"),
        evaluation="127.0.0.1:1",
        traces_url=backend.endpoint,
        logs_url=backend.endpoint,
        overlays=[LIMITED],
    ) as running:
        yield running


class Counted:
    """What the sender counted, and what became of the requests."""

    def __init__(self) -> None:
        self.delivered = 0
        self.failed = 0
        self.outcomes: list[SendOutcome] = []

    def sent(self, exporter: str, signal: str, items: int) -> None:
        self.delivered += items

    def send_failed(self, exporter: str, signal: str, items: int) -> None:
        self.failed += items


def settings(scheme: str, collector: Collector) -> DestinationSettings:
    endpoint = collector.http_url if scheme == "http" else f"grpc://{collector.grpc}"
    return DestinationSettings(endpoint=endpoint, max_request_bytes=1_000_000)


@pytest.mark.parametrize("scheme", ["grpc", "http"])
def test_the_collector_takes_what_is_sent_and_what_is_larger_than_its_limit_in_parts(
    collector: Collector, backend: OtlpSink, scheme: str
) -> None:
    given = settings(scheme, collector)
    many = [span(PLAIN | {"note": "x" * 100_000}, span_id=number.to_bytes(8)) for number in range(1, 31)]
    client, counted = open_client(given), Counted()
    refused = client.export("traces", body(*many), {})
    assert refused.kind == "refused"  # so that it is the parts that get through
    sender = Sender("backend", client, given, counted)
    sender.send("traces", body(*many), 30, "", counted.outcomes.append)
    sender.send("traces", body(span(PLAIN, span_id=(31).to_bytes(8))), 1, "", counted.outcomes.append)
    sender.send("logs", logs(log_records(2, "said")), 2, "", counted.outcomes.append)
    wait_until(lambda: len(counted.outcomes) == 3)
    assert sender.close(20) == 0
    assert not any(outcome.refused for outcome in counted.outcomes)
    assert (counted.delivered, counted.failed) == (33, 0)
    backend.wait_for(lambda sink: len(sink.spans) >= 31 and len(sink.logs) >= 2)
    assert sorted(int.from_bytes(each.span_id) for _, each in backend.spans) == list(range(1, 32))
    assert {resource["service.name"] for resource, _ in backend.spans} == {"shop"}
    assert [record.body.string_value for _, record in backend.logs] == ["said"] * 2


@pytest.mark.parametrize("scheme", ["grpc", "http"])
def test_one_span_that_the_collector_cannot_take_costs_only_itself(
    collector: Collector, backend: OtlpSink, scheme: str
) -> None:
    given = settings(scheme, collector)
    large = span(PLAIN | {"note": "x" * 2_000_000}, span_id=(9).to_bytes(8))
    small = [span(PLAIN, span_id=number.to_bytes(8)) for number in (1, 2)]
    counted = Counted()
    sender = Sender("backend", open_client(given), given, counted)
    sender.send("traces", body(small[0], large, small[1]), 3, "", counted.outcomes.append)
    wait_until(lambda: counted.outcomes)
    assert sender.close(20) == 0
    assert counted.outcomes[0].refused == [body(large)]
    assert (counted.delivered, counted.failed) == (2, 1)
    backend.wait_for(lambda sink: len(sink.spans) >= 2)
    assert sorted(int.from_bytes(each.span_id) for _, each in backend.spans) == [1, 2]


@pytest.mark.parametrize("scheme", ["grpc", "http"])
def test_a_collector_that_starts_later_gets_what_waited(
    backend: OtlpSink, tmp_path_factory: pytest.TempPathFactory, scheme: str
) -> None:
    need(servers.COLLECTOR)
    ports = servers.CollectorPorts(grpc=free_port(), http=free_port())
    endpoint = f"grpc://127.0.0.1:{ports.grpc}" if scheme == "grpc" else f"http://127.0.0.1:{ports.http}"
    given = DestinationSettings(endpoint=endpoint, retry={"initial_s": 0.1, "max_s": 0.2})
    counted = Counted()
    sender = Sender("backend", open_client(given), given, counted)
    sender.send("traces", body(span(PLAIN)), 1, "", counted.outcomes.append)
    wait_until(lambda: sender.last_error)
    folder = tmp_path_factory.mktemp("collector")
    with start_collector(folder, evaluation="127.0.0.1:1", traces_url=backend.endpoint, ports=ports):
        backend.wait_for(lambda sink: sink.spans)
        wait_until(lambda: counted.outcomes == [SendOutcome()])
        assert sender.last_error == ""
        assert sender.close(20) == 0
