"""From a call of the real openai client to a delivered alert: every part real, asserted where it ends."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from line import SERVICE, Line, running_line
from otlp_sink import plain
from support.require import require

from otel_llm import names
from otel_llm.dashboards.overview import overview, queries
from otel_llm.demo import servers

pytestmark = pytest.mark.usefixtures("line")
REQUIRED = (servers.COLLECTOR, servers.PROMETHEUS, servers.ALERTMANAGER)


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    for program in REQUIRED:
        require(program.find(), program.title, servers.remedy())
    with running_line(tmp_path_factory.mktemp("line")) as running:
        yield running


def eventually(read: Callable[[], Any], timeout_s: float = 60) -> Any:
    """Return what `read` returns once that is true; scrapes and exports take their time."""
    deadline = time.monotonic() + timeout_s
    while not (value := read()):
        assert time.monotonic() < deadline, f"not true within {timeout_s:g} s"
        time.sleep(0.2)
    return value


def events_of(line: Line) -> list[tuple[dict[str, Any], Any]]:
    return [
        (plain(record.attributes), record)
        for _, record in line.backend.logs
        if record.event_name == names.EVENT_EVALUATION_RESULT
    ]


def value(line: Line, expression: str) -> float:
    samples = line.prometheus.query(expression)
    return samples[0].value if samples else 0.0


def test_every_call_is_one_span_with_tokens_cost_and_latency(line: Line) -> None:
    report = line.report
    line.backend.wait_for(lambda sink: len(sink.spans) >= report["calls"])
    spans = [(resource, plain(span.attributes), span) for resource, span in line.backend.spans]
    assert len(spans) == report["calls"]
    assert {resource["service.name"] for resource, _, _ in spans} == {SERVICE}
    assert {attributes[names.OPERATION] for _, attributes, _ in spans} == {"chat"}

    failed = [attributes for _, attributes, _ in spans if names.ERROR_TYPE in attributes]
    answered = [attributes for _, attributes, _ in spans if names.ERROR_TYPE not in attributes]
    assert len(failed) == report["errors"]
    assert sum(each[names.USAGE_INPUT_TOKENS] for each in answered) == report["input_tokens"]
    assert sum(each[names.USAGE_OUTPUT_TOKENS] for each in answered) == report["output_tokens"]
    cost = sum(each[names.USAGE_COST] for each in answered)
    assert cost == pytest.approx((report["input_tokens"] + 2 * report["output_tokens"]) / 1e6)
    streamed = [each for each in answered if names.RESPONSE_TIME_TO_FIRST_CHUNK in each]
    assert len(streamed) == report["streams"]


def test_every_span_has_its_verdicts_once_parented_to_it(line: Line) -> None:
    answered = {
        (span.trace_id, span.span_id)
        for _, span in line.backend.spans
        if names.ERROR_TYPE not in plain(span.attributes)
    }

    def complete(_: object) -> bool:
        judged = [
            (record.trace_id, record.span_id)
            for attributes, record in events_of(line)
            if (attributes[names.EVALUATION_NAME], attributes[names.EVALUATION_TARGET]) == ("toxicity", "output")
        ]
        return answered <= set(judged)

    line.backend.wait_for(complete, timeout_s=60)
    events = events_of(line)
    known = {(span.trace_id, span.span_id) for _, span in line.backend.spans}
    assert {(record.trace_id, record.span_id) for _, record in events} <= known
    assert events
    ids = [attributes[names.EVALUATION_ID] for attributes, _ in events]
    assert len(ids) == len(set(ids))
    for attributes, _ in events:
        label = attributes[names.EVALUATION_SCORE_LABEL]
        assert label in {"pass", "fail", "not_applicable"}
        assert (names.EVALUATION_SCORE_VALUE in attributes) == (label in {"pass", "fail"})


@pytest.mark.parametrize(
    ("evaluator", "answer"),
    [("toxicity", "worthless idiot"), ("groundedness", "80 euros a month")],
)
def test_the_plain_case_and_no_other_answer_of_the_script_fails(line: Line, evaluator: str, answer: str) -> None:
    outputs = {
        (span.trace_id, span.span_id): attributes.get(names.OUTPUT_MESSAGES, "")
        for _, span in line.backend.spans
        if (attributes := plain(span.attributes))[names.REQUEST_MODEL] == "scripted"
    }
    verdicts = {
        (record.trace_id, record.span_id): attributes[names.EVALUATION_SCORE_LABEL]
        for attributes, record in events_of(line)
        if (attributes[names.EVALUATION_NAME], attributes[names.EVALUATION_TARGET]) == (evaluator, "output")
    }
    rude_or_wrong = {span for span, text in outputs.items() if answer in text}
    assert rude_or_wrong
    assert all(verdicts[span] == "fail" for span in rude_or_wrong)
    grounded = {span for span, text in outputs.items() if "12 euros a year" in text}
    assert grounded
    assert all(verdicts[span] == "pass" for span in grounded)


def test_prometheus_counts_what_the_application_counted(line: Line) -> None:
    report, service = line.report, f'service_name="{SERVICE}"'
    duration, tokens = names.OPERATION_DURATION.prometheus_name, names.TOKEN_USAGE.prometheus_name
    eventually(lambda: value(line, f"sum({duration}_count{{{service}}})") == report["calls"])
    assert value(line, f'sum({duration}_count{{{service}, error_type!=""}})') == report["errors"]
    for kind in ("input", "output"):
        query = f'sum({tokens}_sum{{{service}, gen_ai_token_type="{kind}"}})'
        eventually(lambda query=query, kind=kind: value(line, query) == report[f"{kind}_tokens"])
    cost = (report["input_tokens"] + 2 * report["output_tokens"]) / 1e6
    assert value(line, f"sum({names.COST.prometheus_name}{{{service}}})") == pytest.approx(cost)
    failures = (
        f'{names.EVALUATIONS.prometheus_name}{{{service}, evaluator="toxicity", label="fail", target="output"}}'
    )
    eventually(lambda: value(line, f"sum({failures})") >= 8)


def test_the_shift_of_topic_raises_the_drift_alarm(line: Line) -> None:
    statistic, threshold = names.DRIFT_STATISTIC.prometheus_name, names.DRIFT_THRESHOLD.prometheus_name
    raised = f"max_over_time({statistic}[5m]) > on (service_name, detector, target, baseline) {threshold}"
    (sample,) = eventually(lambda: line.prometheus.query(raised))
    assert sample.labels["service_name"] == SERVICE


@pytest.mark.parametrize(("alert", "severity"), [("LlmErrorRateHigh", "page"), ("LlmToxicityRateHigh", "ticket")])
def test_the_alert_reaches_the_webhook(line: Line, alert: str, severity: str) -> None:
    body = line.alerts.wait_for(
        lambda delivery: delivery["commonLabels"].get("alertname") == alert and delivery["status"] == "firing", 60
    )
    delivered = [each for each in body["alerts"] if each["labels"]["alertname"] == alert]
    # of toxicity one for each target that fails: the rude answers, and, as it may be, the wish for them
    assert len({each["labels"].get("target") for each in delivered}) == len(delivered) > 0
    for each in delivered:
        assert each["labels"]["severity"] == severity
        assert each["labels"]["service_name"] == SERVICE
        assert SERVICE in each["annotations"]["summary"]
        assert each["annotations"]["runbook_url"]
        assert each["annotations"]["dashboard_url"]


def test_every_query_of_panels_and_rules_returns_data(line: Line) -> None:
    expressions = [expression for _, expression in queries(overview())]
    for group in line.rules["groups"]:
        for rule in group["rules"]:
            # an alert's expression is empty again once it is resolved: what it compares must be there
            expressions.append(
                rule["expr"] if "record" in rule else f'count_over_time(ALERTS{{alertname="{rule["alert"]}"}}[5m])'
            )
    assert len(expressions) > 10
    empty = [each for each in expressions if not eventually_data(line, each)]
    assert not empty


def eventually_data(line: Line, expression: str) -> bool:
    try:
        return bool(eventually(lambda: line.prometheus.query(expression), 10))
    except AssertionError:
        return False
