"""What the exporters log about delivery: one line for each cause."""

import logging

import pytest

from otel_llm.instrument.sdk import _SaidOnce

SIGNALS = ("spans", "metrics", "logs")
REFUSED = "HTTPConnectionPool(host='collector', port=4318): [Errno 111] Connection refused"


@pytest.fixture
def logger():
    """Stands in for an exporter's logger; the lines are opentelemetry-exporter-otlp-common's, word for word."""
    logger = logging.getLogger("test_sdk.exporter")
    said_once = _SaidOnce()
    logger.addFilter(said_once)
    yield logger
    logger.removeFilter(said_once)


def retry(logger, cause, signal="spans", backoff_s=0.9):
    logger.warning(
        "Transient error %s encountered while exporting %s batch, retrying in %.2fs.", cause, signal, backoff_s
    )


def give_up(logger, signal="spans"):
    logger.error("Failed to export %s batch due to timeout, max retries or shutdown.", signal)


def refuse(logger, code, reason, signal="spans"):
    logger.error("Failed to export %s batch code: %s, reason: %s", signal, code, reason)


def said(caplog):
    start, end = "otel-llm: telemetry was not delivered: ", " (said once; the app is not affected)"
    return [record.getMessage().removeprefix(start).removesuffix(end) for record in caplog.records]


def test_one_cause_is_one_line_however_often_and_for_whichever_signal(logger, caplog):
    for backoff_s in (0.9, 1.8):
        for signal in SIGNALS:
            retry(logger, REFUSED, signal, backoff_s)
        give_up(logger)
    logger.warning("Exporter already shutdown, ignoring batch")

    assert said(caplog) == ["Connection refused"]


def test_a_later_cause_is_said_too(logger, caplog):
    retry(logger, REFUSED)
    give_up(logger)
    for signal in SIGNALS:
        refuse(logger, 401, "Unauthorized", signal)
    refuse(logger, 403, "Forbidden")
    refuse(logger, None, "bad certificate")
    for signal in SIGNALS:
        give_up(logger, signal)

    assert said(caplog) == [
        "Connection refused",
        "401 Unauthorized",
        "403 Forbidden",
        "bad certificate",
        "due to timeout, max retries or shutdown",
    ]


def test_numbers_that_vary_make_no_cause_of_their_own(logger, caplog):
    for size in (20_000, 30_001):
        logger.warning("Dropping span batch: serialized size %d bytes exceeds max_request_size 4000 bytes.", size)

    assert len(said(caplog)) == 1


def test_causes_that_never_end_do_not_fill_the_apps_output(logger, caplog):
    for number in range(300):
        refuse(logger, 500, "x" * number)

    assert len(said(caplog)) == 100


def test_what_is_no_warning_passes(logger, caplog):
    caplog.set_level(logging.INFO)
    logger.info("exported")
    logger.info("exported")

    assert said(caplog) == ["exported", "exported"]
