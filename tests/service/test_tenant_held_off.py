"""A tenant that the next receiver does not let in: the others do not notice, and it loses nothing."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from support.receivers import MemorySink, Receivers, receivers, wait_until
from support.service import LengthPipeline, service
from support.spans import body, chat_attributes, span

from otel_llm.service.running import Service

HEADER = "x-scope-orgid"


@dataclass
class Gateway(MemorySink):
    """A receiver that lets some tenants in, and asks the others for a pause."""

    held_off: set[str] = field(default_factory=set)

    def admits(self, signal: str, tenant: str, length: int) -> str | None:
        return "over its limit" if tenant in self.held_off else None

    def of(self, tenant: str) -> set[bytes]:
        """The ids of a tenant's spans."""
        return {
            each.span_id
            for request, export in zip(self.requests, self.exports(), strict=True)
            if request.tenant == tenant
            for resource in export.resource_spans
            for scope in resource.scope_spans
            for each in scope.spans
        }


@pytest.fixture
def gateway() -> Iterator[Receivers]:
    with receivers(Gateway(), tenant_header=HEADER) as running:
        yield running


def send(at: Service, tenant: str, number: int) -> int:
    content = body(span(chat_attributes(answer="x" * 20_000), span_id=number.to_bytes(8)))
    headers = {"content-type": "application/x-protobuf", HEADER: tenant}
    return httpx.post(f"{at.http}/v1/traces", content=content, headers=headers).status_code


@pytest.mark.parametrize("scheme", ["grpc", "http"])
def test_a_tenant_that_is_held_off_costs_the_others_nothing(
    gateway: Receivers, tmp_path: Path, scheme: str
) -> None:
    gateway.sink.held_off = {"noisy"}
    endpoint = f"grpc://{gateway.grpc}" if scheme == "grpc" else gateway.http
    forward = {"connections": 1, "queue_bytes": 200_000, "batch_delay_s": 0, "retry": {"max_s": 0.5}}
    settings = {
        "forward": {"endpoint": endpoint} | forward,
        "receive": {"tenant_header": HEADER, "max_request_bytes": 100_000, "max_in_flight_bytes": 1_000_000},
        "queue": {"folder": str(tmp_path / "queue"), "max_bytes": 2_000_000, "max_delay_s": 0.01},
    }
    pipeline = LengthPipeline()
    with service(pipeline, **settings) as at:
        taken = {number for number in range(1, 101) if send(at, "noisy", number) == 200}
        assert 40 <= len(taken) <= 60  # half of the queue: it has its share, and is refused the rest
        for number in range(1, 31):
            assert send(at, "quiet", number) == 200
        wait_until(lambda: len(gateway.sink.of("quiet")) == 30)
        state = httpx.get(f"{at.telemetry}/debug.json").json()["Destinations"][0]
        assert state["tenants held off"] == ["noisy"]
        assert state["bytes waiting"] < 200_000
        assert gateway.sink.of("noisy") == set()
        gateway.sink.held_off = set()
        wait_until(lambda: len(gateway.sink.of("noisy")) == len(taken))
    assert gateway.sink.of("noisy") == {number.to_bytes(8) for number in taken}
