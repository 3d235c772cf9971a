"""A real Jaeger: what it shows of our spans. docs/backends.md says the same.

No package of it is to be had from the registries that the tests use, and its build takes some minutes: where no
`jaeger-all-in-one` is on PATH, the test is skipped, in CI too.
"""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from backend_calls import call_and_export, get_json
from support.receivers import wait_until

from otel_llm import names
from otel_llm.demo.child_process import ChildProcess
from otel_llm.demo.servers.base import HOST, free_ports

# the ports of version 1, which are all taken: only those of OTLP over HTTP and of the page are used
PORTS = (
    "collector.otlp.http.host-port", "query.http-server.host-port", "collector.otlp.grpc.host-port",
    "query.grpc-server.host-port", "collector.http-server.host-port", "collector.grpc-server.host-port",
    "admin.http.host-port",
)  # fmt: skip


@pytest.fixture(scope="module")
def jaeger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The URLs of OTLP and of the page."""
    program = shutil.which("jaeger-all-in-one")
    if program is None:
        pytest.skip("jaeger-all-in-one is not on PATH: docs/backends.md says how to build it")
    ports = [f"{HOST}:{port}" for port in free_ports(dict.fromkeys(PORTS, 0))]
    command = [program, *(f"--{option}={port}" for option, port in zip(PORTS, ports, strict=True))]
    process = ChildProcess("jaeger", command, log_path=tmp_path_factory.mktemp("jaeger") / "jaeger.log")
    otlp, page = (f"http://{port}" for port in ports[:2])
    try:
        process.wait_ready(f"{page}/api/services", 60)
        yield otlp, page
    finally:
        process.stop()


def tags_of(page: str, service: str, count: int) -> list[dict[str, Any]]:
    """Return the tags of each span of a service, once there are as many."""
    found: list[dict[str, Any]] = []

    def are_there() -> bool:
        traces = get_json(f"{page}/api/traces?service={service}&limit=50")["data"] or []
        found[:] = [
            {tag["key"]: tag["value"] for tag in span["tags"]} for trace in traces for span in trace["spans"]
        ]
        return len(found) == count

    wait_until(are_there, 30)
    return found


def test_every_attribute_is_a_tag(jaeger: tuple[str, str]) -> None:
    otlp, page = jaeger
    call_and_export(otlp, content=True, project="with-content")
    tags = tags_of(page, "with-content", 3)
    (stopped,) = [each for each in tags if each.get(names.RESPONSE_FINISH_REASONS) == '["stop"]']
    assert stopped[names.USAGE_COST] > 0
    assert (stopped[names.USAGE_INPUT_TOKENS], stopped[names.USAGE_CACHE_CREATION_INPUT_TOKENS]) == (100, 10)
    assert "Hello." in stopped[names.OUTPUT_MESSAGES]
    assert stopped["span.kind"] == "client"


def test_a_failed_call_has_the_tag_error(jaeger: tuple[str, str]) -> None:
    otlp, page = jaeger
    call_and_export(otlp, content=False, project="failed")
    (failed,) = [each for each in tags_of(page, "failed", 3) if each.get("error")]
    assert failed[names.ERROR_TYPE] == "APIConnectionError"


def test_a_call_is_found_by_a_tag(jaeger: tuple[str, str]) -> None:
    otlp, page = jaeger
    call_and_export(otlp, content=False, project="found")
    tags_of(page, "found", 3)
    found = get_json(f"{page}/api/traces?service=found&limit=50&tags=%7B%22user.id%22%3A%22u-1%22%7D")["data"]
    assert len(found) == 3
