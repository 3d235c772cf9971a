"""The telemetry port of several processes. The children stand in for the service, and speak its protocol."""

import json
import os
import signal
from collections.abc import Iterator

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from support.supervised import Supervised, supervised


@pytest.fixture(scope="module")
def parent() -> Iterator[Supervised]:
    with supervised(debug_calls=True) as parent:
        yield parent.wait_ready()


@pytest.fixture
def telemetry(parent: Supervised) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=parent.telemetry, timeout=30) as client:
        yield client


def test_metrics_are_those_of_every_process(telemetry: httpx.Client) -> None:
    answer = telemetry.get("/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    families = {family.name: family for family in read_openmetrics(answer.text)}
    asked = {s.labels["process"] for s in families["requests"].samples if s.labels["path"] == "/metrics"}
    assert asked == {"0", "1"}
    assert any(sample.exemplar for sample in families["requests"].samples)
    up = [(sample.labels, sample.value) for sample in families["otel_llm_process_up"].samples]
    assert up == [({"process": "0"}, 1), ({"process": "1"}, 1)]
    assert telemetry.get("/metrics").headers["content-type"].startswith("text/plain; version=0.0.4")


def test_the_debug_page_shows_each_process_and_leads_to_its_own(telemetry: httpx.Client) -> None:
    index = telemetry.get("/debug")
    assert index.headers["content-security-policy"].startswith("default-src 'none'; style-src 'unsafe-inline'")
    assert index.text.count("<td>ready</td>") == 2
    assert '<a href="debug?process=1">1</a>' in index.text
    own = telemetry.get("/debug", params={"process": "1"})
    assert (own.text, own.headers["content-type"]) == ("<p>process 1</p>", "text/html; charset=utf-8")
    unknown = telemetry.get("/debug", params={"process": "<2>"})
    assert (unknown.status_code, unknown.text) == (404, "process must be from 0 to 1\n")


def test_the_state_of_each_process_as_json(telemetry: httpx.Client) -> None:
    first, second = telemetry.get("/debug.json").json()["processes"]
    assert first["pid"] != second["pid"]
    assert {**second, "pid": None} == {
        "process": 1,
        "state": "ready",
        "pid": None,
        "restarts": 0,
        "last_exit": None,
        "service": {"version": 1},
    }


def test_the_live_feed_is_that_of_every_process_and_of_one_that_is_started_again() -> None:
    with supervised(debug_calls=True) as parent:
        parent.wait_ready()
        with httpx.stream("GET", f"{parent.telemetry}/debug/calls", timeout=30) as feed:
            assert feed.headers["content-type"].startswith("application/x-ndjson")
            lines = feed.iter_lines()
            assert {next(lines), next(lines)} == {'{"service": "shop 0"}', '{"service": "shop 1"}'}
            processes = httpx.get(f"{parent.telemetry}/debug.json").json()["processes"]
            os.kill(processes[1]["pid"], signal.SIGKILL)
            assert json.loads(next(lines)) == {"service": "shop 1"}
            page = httpx.get(f"{parent.telemetry}/metrics").text
            assert 'otel_llm_process_restarts_total{process="1"} 1.0' in page
            assert parent.stop()[0] == 0
            assert list(lines) == []


def test_a_process_that_hangs_is_left_out_of_the_metrics() -> None:
    with supervised() as parent:
        parent.wait_ready()
        processes = httpx.get(f"{parent.telemetry}/debug.json").json()["processes"]
        os.kill(processes[0]["pid"], signal.SIGSTOP)
        try:
            # on a loaded machine the other process may be late, too
            while 'otel_llm_process_up{process="1"} 1.0' not in (
                page := httpx.get(f"{parent.telemetry}/metrics", timeout=30).text
            ):
                pass
            health = httpx.get(f"{parent.telemetry}/healthz", timeout=30)
            own = httpx.get(f"{parent.telemetry}/debug?process=0", timeout=30)
        finally:
            os.kill(processes[0]["pid"], signal.SIGCONT)
        assert 'otel_llm_process_up{process="0"} 0.0' in page
        assert 'requests_total{path="/metrics",process="1"}' in page
        assert 'requests_total{path="/metrics",process="0"}' not in page
        assert [each["ready"] for each in health.json()["processes"]] == [False, True]
        assert (own.status_code, own.text) == (503, "process 0 does not answer: it is ready\n")
        logged = iter(parent.next_logged, None)
        assert any(line["message"] == "process 0 does not answer to /metrics: TimeoutError" for line in logged)
        assert httpx.get(f"{parent.telemetry}/debug/calls").status_code == 404
        assert parent.stop()[0] == 0
