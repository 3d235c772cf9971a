from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample
from support.results import call, drift_state, result

from otel_llm import names
from otel_llm.names import Metric, prometheus_label
from otel_llm.report.metrics import ServiceMetrics
from otel_llm.report.process_metrics import watch_process

EMITTED = (
    names.EVALUATIONS,
    names.EVALUATION_SCORE,
    names.EVALUATION_DURATION,
    names.EVALUATION_OLDEST_PENDING,
    names.EVALUATIONS_SKIPPED,
    names.SPANS_NOT_EVALUATED,
    names.CONTENT_PROBLEMS,
    names.PASSED_LATE,
    names.METRIC_POINTS_DROPPED,
    names.QUEUE_SIZE,
    names.QUEUE_CAPACITY,
    names.QUEUE_REQUESTS,
    names.DEAD_LETTERS,
    names.REFUSALS,
    names.DRIFT_STATISTIC,
    names.DRIFT_THRESHOLD,
    names.DRIFT_ALARM,
    names.RECEIVER_ACCEPTED_SPANS,
    names.RECEIVER_ACCEPTED_LOG_RECORDS,
    names.RECEIVER_ACCEPTED_METRIC_POINTS,
    names.RECEIVER_REFUSED_SPANS,
    names.RECEIVER_REFUSED_LOG_RECORDS,
    names.RECEIVER_REFUSED_METRIC_POINTS,
    names.EXPORTER_SENT_SPANS,
    names.EXPORTER_SENT_LOG_RECORDS,
    names.EXPORTER_SENT_METRIC_POINTS,
    names.EXPORTER_SEND_FAILED_SPANS,
    names.EXPORTER_SEND_FAILED_LOG_RECORDS,
    names.EXPORTER_SEND_FAILED_METRIC_POINTS,
    names.EXPORTER_QUEUE_SIZE,
    names.EXPORTER_QUEUE_CAPACITY,
    names.PROCESS_UPTIME,
    names.PROCESS_CPU,
    names.PROCESS_MEMORY_RSS,
)
SOURCE = {"service_name": "shop", "gen_ai_provider_name": "openai", "gen_ai_request_model": "gpt-4o"}


def samples(metrics: ServiceMetrics) -> list[Sample]:
    body, content_type = metrics.expose("")
    assert content_type.startswith("text/plain; version=0.0.4")
    metrics.close()
    return [
        sample
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
        if sample.name != "target_info"
    ]


@dataclass
class Watched:
    """What is shown of a queue and of a destination."""

    size: int = 10
    max_bytes: int = 20
    pending: int = 1
    pending_bytes: int = 5
    capacity_bytes: int = 6

    def oldest_pending_s(self) -> float:
        return 1.5


def filled() -> ServiceMetrics:
    metrics = ServiceMetrics(max_label_values=10)
    for signal in ("traces", "logs", "metrics"):
        metrics.received("grpc", signal, accepted=3, refused=1)
        metrics.sent("events", signal, 2)
        metrics.send_failed("events", signal, 1)
    metrics.passed_late()
    metrics.skipped(2)
    metrics.dropped(3)
    metrics.evaluated([result()], {"toxicity": 0.003}, [drift_state()])
    metrics.watch_queue(Watched())
    metrics.watch_exporters({"events": Watched()})
    metrics.watch_dead_letters(lambda: {"decode": 1})
    metrics.watch_refusals(lambda: {"overload": 1})
    metrics.watch_not_evaluated(lambda: {("embeddings", "other_operation"): 1})
    metrics.watch_problems(lambda: {("genai", "gen_ai.input.messages", "cut"): 1})
    watch_process(metrics.meter)
    return metrics


def series(metric: Metric) -> set[str]:
    suffixes = ("_bucket", "_sum", "_count") if metric.kind == "histogram" else ("",)
    return {metric.prometheus_name + suffix for suffix in suffixes}


def test_prometheus_sees_every_metric_by_the_name_and_labels_in_the_table() -> None:
    seen: dict[str, set[str]] = {}
    for sample in samples(filled()):
        seen.setdefault(sample.name, set()).update(set(sample.labels) - {"le"})
    expected = {
        name: {prometheus_label(label) for label in metric.labels} for metric in EMITTED for name in series(metric)
    }
    assert seen == expected


def test_histograms_have_the_buckets_in_the_table() -> None:
    found = samples(filled())
    for metric in (names.EVALUATION_SCORE, names.EVALUATION_DURATION):
        bounds = [s.labels["le"] for s in found if s.name == f"{metric.prometheus_name}_bucket"]
        assert bounds == [*(str(float(bound)) for bound in metric.buckets), "+Inf"]


def test_results_are_counted_by_outcome_and_scored_where_there_is_a_score() -> None:
    metrics = ServiceMetrics(max_label_values=10)
    metrics.evaluated([result(), result(), result(label="error", score=None)], {}, [])
    values = {(s.name, s.labels.get("label")): (s.value, s.labels) for s in samples(metrics)}
    labels = SOURCE | {"evaluator": "toxicity", "target": "output"}
    assert values["otel_llm_evaluations_total", "pass"] == (2, labels | {"label": "pass"})
    assert values["otel_llm_evaluations_total", "error"] == (1, labels | {"label": "error"})
    assert values["otel_llm_evaluation_score_count", None] == (2, labels)
    assert values["otel_llm_evaluation_score_sum", None] == (0.5, labels)


def test_drift_shows_what_is_known_of_each_stream() -> None:
    metrics = ServiceMetrics(max_label_values=10)
    quiet = drift_state(service="bot", statistic=None, threshold=None)
    metrics.evaluated([], {}, [drift_state(), quiet])
    found = {(s.name, s.labels["service_name"]): s.value for s in samples(metrics)}
    assert found == {
        ("otel_llm_drift_statistic", "shop"): 0.75,
        ("otel_llm_drift_threshold", "shop"): 0.5,
        ("otel_llm_drift_alarm", "shop"): 1,
        ("otel_llm_drift_alarm", "bot"): 0,
    }


def test_hostile_model_names_make_no_more_series_than_the_limit() -> None:
    metrics = ServiceMetrics(max_label_values=5)
    metrics.evaluated([result(call=call(request_model=f"model-{number}")) for number in range(1000)], {}, [])
    counts = {
        s.labels["gen_ai_request_model"]: s.value
        for s in samples(metrics)
        if s.name == "otel_llm_evaluations_total"
    }
    assert counts == {f"model-{number}": 1 for number in range(5)} | {"other": 995}


def test_a_scraper_that_asks_for_openmetrics_gets_it() -> None:
    metrics = filled()
    body, content_type = metrics.expose("application/openmetrics-text; version=1.0.0")
    metrics.close()
    assert content_type.startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")
