"""What the exporters log about delivery: one line for each cause, with signal, URL and remedy."""

import logging

import pytest

from otel_llm.instrument.export_log import SaidOnce

BATCHES = {"traces": "span", "metrics": "metrics", "logs": "logs"}
REFUSED = "HTTPConnectionPool(host='collector', port=4318): [Errno 111] Connection refused"
END = " (said once; the app is not affected)"


@pytest.fixture
def loggers(monkeypatch):
    """Stand in for the exporters' loggers; the lines are opentelemetry-exporter-otlp-common's, word for word."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318")
    said = set()
    loggers = {signal: logging.getLogger(f"test_export_log.{signal}") for signal in BATCHES}
    filters = {signal: SaidOnce(signal, said) for signal in BATCHES}
    for signal, logger in loggers.items():
        logger.addFilter(filters[signal])
    yield loggers
    for signal, logger in loggers.items():
        logger.removeFilter(filters[signal])


@pytest.fixture
def logger(loggers):
    return loggers["traces"]


def retry(loggers, cause, signal="traces", backoff_s=0.9):
    loggers[signal].warning(
        "Transient error %s encountered while exporting %s batch, retrying in %.2fs.",
        cause,
        BATCHES[signal],
        backoff_s,
    )


def give_up(loggers, signal="traces"):
    loggers[signal].error("Failed to export %s batch due to timeout, max retries or shutdown.", BATCHES[signal])


def refuse(loggers, code, reason, signal="traces"):
    loggers[signal].error("Failed to export %s batch code: %s, reason: %s", BATCHES[signal], code, reason)


def said(caplog):
    lines = [record.getMessage() for record in caplog.records]
    assert all(line.startswith("otel-llm: ") and line.endswith(END) for line in lines)
    return [line.removeprefix("otel-llm: ").removesuffix(END) for line in lines]


def test_a_cause_of_the_network_is_one_line_however_often_and_for_whichever_signal(loggers, caplog):
    for backoff_s in (0.9, 1.8):
        for signal in BATCHES:
            retry(loggers, REFUSED, signal, backoff_s)
        give_up(loggers)
    loggers["traces"].warning("Exporter already shutdown, ignoring batch")

    assert said(caplog) == [
        "telemetry was not delivered to http://collector:4318: Connection refused: does a Collector listen there? "
        "OTEL_EXPORTER_OTLP_ENDPOINT says where telemetry goes"
    ]


def test_a_refused_signal_is_named_with_its_url_and_the_remedy(loggers, caplog, monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://logs:1/there")
    for signal in ("metrics", "logs", "metrics"):
        refuse(loggers, 404, "Not Found", signal)

    assert said(caplog) == [
        "metrics were not delivered to http://collector:4318/v1/metrics: 404 Not Found: no receiver of metrics is "
        "there: set OTEL_EXPORTER_OTLP_METRICS_ENDPOINT, or OTEL_METRICS_EXPORTER=none",
        "logs were not delivered to http://logs:1/there: 404 Not Found: no receiver of logs is there: set "
        "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT, or OTEL_LOGS_EXPORTER=none",
    ]


def test_a_later_cause_is_said_too(loggers, caplog):
    retry(loggers, REFUSED)
    give_up(loggers)
    refuse(loggers, 401, "Unauthorized")
    refuse(loggers, 403, "Forbidden")
    refuse(loggers, None, "bad certificate")
    for signal in BATCHES:
        give_up(loggers, signal)

    start = "traces were not delivered to http://collector:4318/v1/traces: "
    network = "telemetry was not delivered to http://collector:4318: "
    token = ": set what the receiver asks for in OTEL_EXPORTER_OTLP_HEADERS"
    assert [line.removeprefix(start).removeprefix(network) for line in said(caplog)][1:] == [
        f"401 Unauthorized{token}",
        f"403 Forbidden{token}",
        "bad certificate",
        "due to timeout, max retries or shutdown",
    ]


def test_numbers_that_vary_make_no_cause_of_their_own(logger, caplog):
    for size in (20_000, 30_001):
        logger.warning("Dropping span batch: serialized size %d bytes exceeds max_request_size 4000 bytes.", size)

    assert len(said(caplog)) == 1


def test_causes_that_never_end_do_not_fill_the_apps_output(loggers, caplog):
    for number in range(300):
        refuse(loggers, 500, "x" * number)

    assert len(said(caplog)) == 100


def test_what_is_no_warning_passes(logger, caplog):
    caplog.set_level(logging.INFO)
    logger.info("exported")
    logger.info("exported")

    assert caplog.messages == ["exported", "exported"]


POOL = "HTTPSConnectionPool(host='collector', port=4318): Max retries exceeded with url: /v1/traces (Caused by "


@pytest.mark.parametrize(
    ("cause", "line"),
    [
        (
            POOL + "SSLError(SSLError(1, '[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)')))",
            "wrong version number: no TLS is spoken there: http:// in place of https://?",
        ),
        (
            POOL + "SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify "
            "failed: self-signed certificate (_ssl.c:1006)')))",
            "certificate verify failed: self-signed certificate: name the receiver's authority in "
            "OTEL_EXPORTER_OTLP_CERTIFICATE",
        ),
        (
            POOL + "NameResolutionError(\"<urllib3.connection.HTTPConnection object at 0x7f92e10d75d0>: Failed to "
            "resolve 'collector' (Name or service not known: collector using 1 resolver(s))\"))",
            "Name or service not known: does a Collector listen there? OTEL_EXPORTER_OTLP_ENDPOINT says where "
            "telemetry goes",
        ),
        (
            POOL + "NameResolutionError(\"<urllib3.connection.HTTPConnection object at 0x7f92e10d75d0>: Failed to "
            "resolve 'collector' ([Errno -2] Name or service not known)\"))",
            "Name or service not known: does a Collector listen there? OTEL_EXPORTER_OTLP_ENDPOINT says where "
            "telemetry goes",
        ),
        (
            "illegal request line",
            "illegal request line: this is no port of OTLP over HTTP; that is 4318 as a rule, and 4317 is gRPC's",
        ),
    ],
)  # fmt: skip
def test_what_is_likely_wrong_with_the_endpoint_is_said(loggers, caplog, cause, line):
    retry(loggers, cause)
    assert said(caplog) == [f"telemetry was not delivered to http://collector:4318: {line}"]


@pytest.mark.parametrize(
    "reason",
    [
        "No connection adapters were found for 'localhost:4318/v1/traces'",
        "Invalid URL 'localhost/v1/traces': No scheme supplied. Perhaps you meant https://localhost/v1/traces?",
    ],
)
def test_an_endpoint_without_its_scheme_is_one_line_for_all_signals(loggers, caplog, monkeypatch, reason):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318")
    for signal in BATCHES:
        refuse(loggers, None, reason.replace("traces", signal), signal)
    (line,) = said(caplog)
    assert line.endswith("write the URL with its scheme, such as http://localhost:4318")


def test_the_base_of_all_signals_with_the_path_of_one_is_said(loggers, caplog, monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318/v1/traces/")
    refuse(loggers, 404, "Not Found")
    (line,) = said(caplog)
    assert "OTEL_EXPORTER_OTLP_ENDPOINT is the base of all signals: leave its path /v1/... out" in line


def test_a_password_in_the_endpoint_is_not_logged(loggers, caplog, monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://user:secret@collector:4318")
    refuse(loggers, 401, "Unauthorized")
    retry(loggers, REFUSED)
    assert not any("secret" in line for line in said(caplog))
