"""`otel-llm doctor`: each kind of thing that is missing is said, with its remedy, against real programs."""

import json
import os
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import EntryPoint

import httpx
import pytest
from click.testing import CliRunner
from otlp_sink import otlp_sink
from support.findings import levels
from support.metrics import record_every_metric
from support.page import metrics_page
from support.servers import need
from support.service import LengthPipeline, service
from support.spans import body, chat_attributes, span

from otel_llm import names
from otel_llm.cli import group
from otel_llm.dashboards.rules import rules, rules_yaml
from otel_llm.demo import servers
from otel_llm.demo.servers import start_prometheus
from otel_llm.doctor import installed as installed_module
from otel_llm.doctor import instrumented as instrumented_module
from otel_llm.doctor.evaluated import evaluated
from otel_llm.doctor.installed import installed
from otel_llm.doctor.instrumented import instrumented
from otel_llm.doctor.pages import base_url
from otel_llm.doctor.scraped import scraped

NOBODY = "http://127.0.0.1:9"
PROTOBUF = {"content-type": "application/x-protobuf"}


def test_the_command_says_what_is_there_and_what_is_missing(monkeypatch):
    for key in [key for key in os.environ if key.startswith("OTEL_")]:
        monkeypatch.delenv(key)
    arguments = ["doctor", "--endpoint", NOBODY, "--service", NOBODY, "--prometheus", NOBODY]
    outcome = CliRunner().invoke(group, arguments)
    assert outcome.exit_code == 1
    lines = outcome.output.splitlines()
    assert [line for line in lines if not line.startswith(" ")][:-1] == [
        "installed", "instrumented", "exported", "evaluated", "scraped"
    ]  # fmt: skip
    assert f"  ✗ traces do not arrive at {NOBODY}/v1/traces (http/protobuf): Connection refused" in lines
    assert f"  ✗ no evaluation service at {NOBODY}: Connection refused" in lines
    assert lines[-1].startswith("5 wrong, ")
    objects = [json.loads(line) for line in CliRunner().invoke(group, [*arguments, "--json"]).output.splitlines()]
    assert {each["about"] for each in objects} == {"installed", "instrumented", "exported", "evaluated", "scraped"}
    assert all(each["remedy"] for each in objects if each["level"] == "wrong")


def test_extras_that_are_here_and_one_that_is_not(monkeypatch):
    def version(name):
        if name in {"xllamacpp", "websockets"}:
            raise installed_module.PackageNotFoundError(name)
        return "1.0"

    assert not levels(installed())["note"]
    monkeypatch.setattr(installed_module, "version", version)
    found = levels(installed())
    assert found["note"] == [
        f"extra `{extra}` ({what}) lacks websockets, xllamacpp → pip install 'otel-llm[{extra}]' where you need it"
        for extra, what in (("serve", "the model server"), ("demo", "the demo"))
    ]
    assert any("extra `collector`" in text for text in found["ok"])


def test_the_clients_that_are_installed_are_instrumented():
    found = levels(instrumented({"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_ONLY"}))
    assert not found["wrong"]
    for name in ("openai", "anthropic"):
        assert any(text.startswith(name) and "is instrumented" in text for text in found["ok"])
    assert any("recorded: SPAN_ONLY" in text for text in found["ok"])


def test_what_keeps_calls_from_being_recorded_is_said(monkeypatch):
    environment = {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "otel_llm_openai", "OTEL_LLM_CONTENT_LIMIT": "-1"}
    found = levels(instrumented(environment))
    assert any("openai" in text and "switched off" in text for text in found["note"])
    assert any("content of calls is not recorded" in text for text in found["note"])
    assert any("OTEL_LLM_CONTENT_LIMIT must be a whole number" in text for text in found["wrong"])

    (entry,) = [entry for entry in instrumented_module.client_entry_points() if entry.name == "openai"]
    client = entry.load()
    monkeypatch.setattr(type(client), "versions", "<0.1")
    assert any("the versions known are <0.1" in text for text in levels(instrumented({}))["wrong"])


def test_a_target_that_has_moved_is_named(monkeypatch):
    (entry,) = [entry for entry in instrumented_module.client_entry_points() if entry.name == "openai"]
    client = entry.load()
    gone = client.patches[0]._replace(name="not_there_any_more")
    monkeypatch.setattr(client, "patches", (*client.patches, gone))
    (text,) = [text for text in levels(instrumented({}))["wrong"] if text.startswith("openai")]
    assert f"{gone.module}.{gone.owner}.not_there_any_more cannot be instrumented" in text


def test_another_instrumentation_of_the_same_calls_is_named(monkeypatch):
    class Installed:
        name = "openai"  # as a distribution that is here

    entry = EntryPoint("openai_v2", "their.module:Instrumentor", "opentelemetry_instrumentor")
    vars(entry).update(dist=Installed)
    monkeypatch.setattr(instrumented_module, "entry_points", lambda **_: [entry])
    (text,) = [text for text in levels(instrumented({}))["note"] if "instruments such calls too" in text]
    assert "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=openai_v2 switches it off" in text


@pytest.fixture
def at():
    with service(LengthPipeline()) as at:
        yield at


def send(at, *spans):
    httpx.post(f"{at.http}/v1/traces", content=body(*spans), headers=PROTOBUF).raise_for_status()


def wait_for_results(at, count):
    for _ in range(1000):
        lines = httpx.get(f"{at.telemetry}/metrics").text.splitlines()
        if (
            sum(float(line.split()[-1]) for line in lines if line.startswith("otel_llm_evaluations_total"))
            == count
        ):
            return
    raise AssertionError("no results")


def test_a_service_without_any_span_with_results_and_without_content(at):
    found = levels(evaluated(at.telemetry, asked=True))
    assert found["ok"] == [f"the service at {at.telemetry} is ready → "]
    assert [text.partition(" → ")[0] for text in found["wrong"]] == ["no span has arrived at the service"]

    send(at, span(chat_attributes(answer="")))
    wait_for_results(at, 1)
    (text,) = levels(evaluated(at.telemetry, asked=True))["wrong"]
    assert text.startswith("1 span arrived, and no result applies (1 not_applicable)")
    assert "CAPTURE_MESSAGE_CONTENT" in text

    send(at, span(span_id=b"the next"))
    wait_for_results(at, 2)
    found = levels(evaluated(at.telemetry, asked=True))
    assert not found["wrong"]
    assert any("results: 1 not_applicable, 1 pass" in text for text in found["ok"])

    httpx.post(f"{at.http}/v1/traces", content=b"\xff\xff", headers=PROTOBUF)
    assert any("of reason malformed" in text for text in levels(evaluated(at.telemetry, asked=True))["note"])


@pytest.mark.parametrize("asked", [True, False])
def test_a_service_that_is_not_there_is_wrong_only_where_it_was_named(asked):
    found = levels(evaluated(NOBODY, asked=asked))
    (text,) = found["wrong" if asked else "note"]
    assert text.startswith(f"no evaluation service at {NOBODY}: Connection refused")


def test_another_server_is_no_service():
    with otlp_sink() as sink:
        for asked, level in ((True, "wrong"), (False, "note")):
            (text,) = levels(evaluated(sink.endpoint, asked=asked))[level]
            assert text.startswith(
                f"no evaluation service at {sink.endpoint}: what answers there is another program"
            )
        (text,) = levels(scraped(sink.endpoint, asked=True))["wrong"]
        assert "no answer of Prometheus" in text


def test_the_page_of_a_collector_is_not_taken_for_the_service_s(at):
    with metrics_page() as (provider, address):
        record_every_metric(provider, [names.PROCESS_UPTIME])
        collector = f"http://{address}"
        found = levels(evaluated(collector, at.telemetry, asked=False))
        assert found["ok"] == [f"the service at {at.telemetry} is ready → "]
        (text,) = levels(evaluated(collector, NOBODY, asked=False))["note"]
    assert f"{collector}: what answers there is another program, nor at {NOBODY}: Connection refused" in text


def test_a_service_that_starts_is_told_as_one_that_is_not_ready():
    class Starting(BaseHTTPRequestHandler):
        """A parent whose processes have no metrics yet."""

        def do_GET(self):
            is_metrics = self.path == "/metrics"
            self.send_response(200 if is_metrics else 503)
            self.end_headers()
            self.wfile.write(
                b"" if is_metrics else b'{"ready":false,"processes":[{"process":0,"state":"starting"}]}'
            )

    with HTTPServer(("127.0.0.1", 0), Starting) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        found = levels(evaluated(url, asked=True))
        server.shutdown()
        thread.join()
    (text,) = found["wrong"]
    assert text.startswith(f"the service at {url} is not ready: ")
    assert "starting" in text


def test_a_port_of_grpc_is_no_page(at):
    (text,) = levels(evaluated(f"http://{at.grpc}", asked=True))["wrong"]
    assert text.startswith(f"no evaluation service at http://{at.grpc}: what answers there speaks no HTTP/1.1")
    (text,) = levels(scraped(f"http://{at.grpc}", asked=True))["wrong"]
    assert "speaks no HTTP/1.1" in text


def test_urls_may_be_written_without_their_scheme():
    assert base_url("evaluation:8888") == base_url("http://evaluation:8888/") == "http://evaluation:8888"
    assert base_url("https://prometheus/prefix/") == "https://prometheus/prefix"


def test_content_that_was_not_recorded_or_not_read_is_said(at):
    send(at, span(chat_attributes(answer="")), span(span_id=b"the next"))
    wait_for_results(at, 2)
    assert not any("content_problems" in text for text in levels(evaluated(at.telemetry, asked=True))["note"])
    cut = chat_attributes() | {
        "gen_ai.input.messages": '[{"role": "user", "parts": [{"type": "text", "content": "Hel'
    }
    send(at, span(cut, span_id=b"a third."))
    wait_for_results(at, 3)
    assert any(
        text.startswith("otel_llm_content_problems_total: 1 of reason cut → docs/dialects.md")
        for text in levels(evaluated(at.telemetry, asked=True))["note"]
    )


def test_a_prometheus_with_everything_and_one_with_nothing(tmp_path):
    need(servers.PROMETHEUS)
    rule_file = tmp_path / "rules.yaml"
    rule_file.write_text(rules_yaml(rules()))
    with metrics_page() as (provider, address):
        record_every_metric(provider)
        record_every_metric(provider, [names.OPERATION_DURATION], without=[names.SERVICE_NAME], times=1)
        with start_prometheus(
            tmp_path, targets={"everything": address}, rule_files=[rule_file], interval_s=0.25
        ) as prometheus:
            found = levels(scraped(prometheus.url, asked=True))
            assert any("has no metrics of applications" in text for text in found["wrong"])
            assert any("does not scrape the evaluation service" in text for text in found["wrong"])
            prometheus.wait_for("up == 1", timeout_s=60)
            prometheus.wait_for(names.EVALUATIONS.prometheus_name, timeout_s=60)
            found = levels(scraped(prometheus.url, asked=True))
    assert [text.partition(" → ")[0] for text in found["wrong"]] == [
        "1 call without service_name: panels and alerts cannot tell services apart",
        "the alert rules are loaded, and no Alertmanager gets what fires",
    ]
    assert any("has metrics of applications: 2 calls" in text for text in found["ok"])
    assert any("has results of evaluations" in text for text in found["ok"])


def test_calls_under_the_newest_names_are_metrics_of_applications(tmp_path):
    need(servers.PROMETHEUS)
    with metrics_page() as (provider, address):
        record_every_metric(provider, [names.INFERENCE_DURATION])
        with start_prometheus(tmp_path, targets={"shop": address}, rule_files=[], interval_s=0.25) as prometheus:
            prometheus.wait_for(f"{names.INFERENCE_DURATION.prometheus_name}_count", timeout_s=60)
            found = levels(scraped(prometheus.url, asked=True))
    assert any("has metrics of applications: 1 call →" in text for text in found["ok"])
    assert not any("metrics of applications" in text or "without service_name" in text for text in found["wrong"])
