from support.demo_feed import drift, feed_line, result

from otel_llm.demo.delivered_alerts import delivered_alerts
from otel_llm.demo.promises import check_promises
from otel_llm.demo.snapshot import DeliveredAlert, Snapshot
from otel_llm.demo.state import State


def full_run(**changes):
    run = Snapshot(**({"parts": [], "expected_calls": 3} | changes), first_scored_s=4.0)
    run.state.add(feed_line(results=[result("toxicity", "output", "fail", 0.9)], drift=[drift(statistic=0.2)]))
    run.state.add(feed_line(error_type="InternalServerError", output=""))
    run.state.add(
        feed_line(
            results=[result("groundedness", "output", "fail", 0.1)], drift=[drift(statistic=0.8, alarm=True)]
        )
    )
    return run


def kept(snapshot):
    return {finding.title: finding.kept for finding in check_promises(snapshot)}


def seen(snapshot):
    return {finding.title: finding.seen for finding in check_promises(snapshot)}


def test_a_full_run_keeps_every_promise():
    assert all(kept(full_run()).values())
    assert seen(full_run()) == {
        "scored calls": "3 of 3, the first after 4.0 s; 3 by scripted",
        "errors": "1 InternalServerError",
        "toxic texts": "1 answer",
        "ungrounded answers": "1 answer",
        "drift": "statistic 0.200 before, 0.800 after the shift, threshold 0.400, alarm at call 2",
        "cost": "$0.000023 for 360 tokens in, 24 tokens out",
        "latency": "p50 0.50 s, p95 0.50 s",
    }


def test_an_empty_run_breaks_every_promise():
    assert not any(
        kept(Snapshot(parts=[], expected_calls=3, awaited_alerts=frozenset({"LlmToxicityRateHigh"}))).values()
    )


def test_calls_that_never_arrived_break_a_promise():
    assert not kept(full_run(expected_calls=4))["scored calls"]


def firing(name, delay_s, status="firing"):
    return DeliveredAlert(name=name, severity="page", summary="", status=status, delay_s=delay_s)


def test_without_an_alertmanager_no_alert_is_promised():
    assert "delivered alerts" not in kept(full_run())


def test_an_alert_counts_from_its_first_delivery():
    alerts = [firing("A", 3), firing("A", 4, "resolved"), firing("A", 9)]
    run = full_run(awaited_alerts=frozenset({"A"}), alerts=alerts)

    assert kept(run)["delivered alerts"]
    assert seen(run)["delivered alerts"] == "A (page) after 3 s"


def test_every_awaited_alert_must_be_delivered():
    run = full_run(awaited_alerts=frozenset({"A", "B"}), alerts=[firing("A", 3), firing("B", 4, "resolved")])

    assert not kept(run)["delivered alerts"]
    assert seen(run)["delivered alerts"] == "A (page) after 3 s; B was not delivered"


def test_a_delivered_alert_tells_the_time_since_the_first_bad_call_in_its_window():
    state = State()
    state.add(feed_line(start_ns=1_000_000_000, results=[result("toxicity", "output", "fail", 0.9)]))
    state.add(feed_line(start_ns=10_000_000_000))
    state.add(feed_line(start_ns=20_000_000_000, results=[result("toxicity", "output", "fail", 0.9)]))
    state.add(feed_line(start_ns=25_000_000_000, error_type="500"))
    alert = {
        "status": "firing",
        "labels": {"alertname": "LlmToxicityRateHigh", "severity": "ticket", "slo": "toxicity"},
        "annotations": {"summary": "too toxic"},
    }
    errors = alert | {"labels": {"alertname": "LlmErrorRateHigh", "severity": "page", "slo": "errors"}}

    delivered = delivered_alerts({"alerts": [alert, errors]}, state, now_s=32.5, window_s=30)

    assert [(one.name, one.severity, one.status, one.summary, one.delay_s) for one in delivered] == [
        ("LlmToxicityRateHigh", "ticket", "firing", "too toxic", 12.5),
        ("LlmErrorRateHigh", "page", "firing", "too toxic", 7.5),
    ]
