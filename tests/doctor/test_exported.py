"""`otel-llm doctor`, section exported: what arrives, and what keeps telemetry from its receiver."""

import os
import sys

import pytest
from otlp_sink import otlp_sink
from support.findings import levels

from otel_llm.doctor.exported import exported

NOBODY = "http://127.0.0.1:9"
APPLICATION = {"OTEL_SERVICE_NAME": "shop", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}


def test_what_arrives_is_told_signal_by_signal():
    with otlp_sink() as sink:
        found = levels(exported(APPLICATION | {"OTEL_EXPORTER_OTLP_ENDPOINT": sink.endpoint}))
    assert not found["wrong"]
    assert not found["note"]
    assert [text.split()[0] for text in found["ok"]] == ["traces", "metrics", "logs"]
    assert not sink.spans
    assert "OTEL_EXPORTER_OTLP_TIMEOUT" not in os.environ


@pytest.mark.parametrize(
    ("variables", "level", "text"),
    [
        ({"OTEL_SDK_DISABLED": "True"}, "wrong", "OTEL_SDK_DISABLED is true: nothing is exported"),
        ({"OTEL_METRICS_EXPORTER": "none"}, "note", "metrics are not exported: OTEL_METRICS_EXPORTER=none"),
        ({"OTEL_TRACES_EXPORTER": "console"}, "note", "traces go to the exporter console"),
        ({"OTEL_EXPORTER_OTLP_LOGS_PROTOCOL": "http/json"}, "wrong", "logs: the protocol 'http/json' is not"),
        ({"OTEL_SERVICE_NAME": ""}, "note", "the service has no name"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": NOBODY}, "wrong", f"traces do not arrive at {NOBODY} (http"),
        ({"OTEL_CONFIG_FILE": "a.yaml"}, "note", "OTEL_CONFIG_FILE (a.yaml)"),
    ],
)  # fmt: skip
def test_variables_that_keep_telemetry_here_are_named(variables, level, text):
    with otlp_sink() as sink:
        environment = APPLICATION | {"OTEL_EXPORTER_OTLP_ENDPOINT": sink.endpoint} | variables
        assert any(text in each for each in levels(exported(environment))[level])


def test_each_exporter_of_a_signal_is_looked_at():
    with otlp_sink() as sink:
        environment = APPLICATION | {"OTEL_EXPORTER_OTLP_ENDPOINT": sink.endpoint}
        found = levels(exported(environment | {"OTEL_TRACES_EXPORTER": "console,otlp"}))
        assert found["note"] == ["traces go to the exporter console: not looked at → "]
        assert found["ok"][0].startswith(f"traces arrive at {sink.endpoint}/v1/traces")
        found = levels(exported(environment | {"OTEL_TRACES_EXPORTER": "otlp_proto_http"}))
        assert [text.split()[0] for text in found["ok"]] == ["traces", "metrics", "logs"]
    (text,) = [
        text for text in levels(exported(APPLICATION | {
            "OTEL_TRACES_EXPORTER": "otlp_proto_grpc",
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": NOBODY,
            "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE": "/not/there.pem",
        }))["wrong"] if text.startswith("traces")
    ]  # fmt: skip
    assert "(grpc)" in text or "the exporter for grpc is not installed" in text


@pytest.mark.parametrize(
    ("endpoint", "text"),
    [
        ("{host}", "write the URL with its scheme, such as http://localhost:4318"),
        ("https://{host}", "http:// in place of https://?"),
        ("http://a.name.invalid:4318", "does a Collector listen there?"),
    ],
)
def test_an_endpoint_that_is_written_wrongly_is_told_with_its_remedy(endpoint, text):
    with otlp_sink() as sink:
        url = endpoint.format(host=sink.endpoint.removeprefix("http://"))
        found = levels(exported(APPLICATION | {"OTEL_EXPORTER_OTLP_ENDPOINT": url}))
    assert len(found["wrong"]) == 3
    for each in found["wrong"]:
        assert text in each
        assert "Pool(host=" not in each


def test_a_password_in_an_endpoint_is_not_shown():
    url = "http://user:secret@127.0.0.1:9"
    (traces, *_) = levels(exported(APPLICATION | {"OTEL_EXPORTER_OTLP_ENDPOINT": url}))["wrong"]
    assert traces.startswith(f"traces do not arrive at {NOBODY}/v1/traces (http/protobuf): Connection refused")


def test_a_setting_that_the_exporter_refuses_is_said(monkeypatch):
    def refuse():
        raise ValueError("OTEL_EXPORTER_OTLP_COMPRESSION 'zip' is unknown")

    monkeypatch.setattr("opentelemetry.exporter.otlp.proto.http.trace_exporter.OTLPSpanExporter", refuse)
    with otlp_sink() as sink:
        found = levels(exported(APPLICATION | {"OTEL_EXPORTER_OTLP_ENDPOINT": sink.endpoint}))
    (text,) = found["wrong"]
    assert text.startswith(
        f"traces cannot be exported to {sink.endpoint}/v1/traces (http/protobuf): OTEL_EXPORTER_OTLP_C"
    )
    assert len(found["ok"]) == 2


def test_an_exporter_that_is_not_installed_is_named(monkeypatch):
    for name in ("trace_exporter", "metric_exporter", "_log_exporter"):
        monkeypatch.setitem(sys.modules, f"opentelemetry.exporter.otlp.proto.grpc.{name}", None)
    found = levels(exported(APPLICATION | {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}))
    assert len(found["wrong"]) == 3
    assert all("pip install opentelemetry-exporter-otlp-proto-grpc" in text for text in found["wrong"])
