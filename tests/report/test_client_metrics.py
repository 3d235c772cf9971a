from collections.abc import Sequence
from typing import Any

import pytest
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample
from support.results import call

from otel_llm import names
from otel_llm.config.report import DeriveMetricsSettings
from otel_llm.genai.call import Call, Usage
from otel_llm.names import prometheus_label
from otel_llm.report.client_metrics import ClientMetrics

LABELS = {
    "service_name": "shop",
    "gen_ai_operation_name": "chat",
    "gen_ai_provider_name": "openai",
    "gen_ai_request_model": "gpt-4o",
}
SOURCE = {name: value for name, value in LABELS.items() if name != "gen_ai_operation_name"}


def samples(calls: Sequence[Call], *, max_label_values: int = 200, **settings: Any) -> list[Sample]:
    """What Prometheus sees of the calls, read through the exporter that the service has."""
    registry = CollectorRegistry()
    provider = MeterProvider(
        [PrometheusMetricReader(scope_info_enabled=False, registry=registry)], shutdown_on_exit=False
    )
    derived = DeriveMetricsSettings(enabled=True, **settings)
    metrics = ClientMetrics(provider.get_meter("test"), derived, max_label_values=max_label_values)
    for each in calls:
        metrics.record(each)
    page = generate_latest(registry).decode()
    provider.shutdown()
    families = text_string_to_metric_families(page)
    return [sample for family in families for sample in family.samples if sample.name != "target_info"]


def values(found: Sequence[Sample], suffix: str = "_sum") -> dict[str, list[tuple[dict[str, str], float]]]:
    by_name: dict[str, list[tuple[dict[str, str], float]]] = {}
    for sample in found:
        if sample.name.endswith((suffix, "_total")):
            by_name.setdefault(sample.name, []).append((sample.labels, sample.value))
    return by_name


def test_a_call_is_counted_as_the_instrumentation_counts_it() -> None:
    found = samples([call(response_model="gpt-4o-1", time_to_first_chunk_s=0.2, stream=True)])
    labels = LABELS | {"gen_ai_response_model": "gpt-4o-1"}
    assert values(found) == {
        "gen_ai_client_operation_duration_seconds_sum": [(labels, 1.5)],
        "gen_ai_client_token_usage_sum": [
            (labels | {"gen_ai_token_type": "input"}, 5),
            (labels | {"gen_ai_token_type": "output"}, 3),
        ],
        "gen_ai_client_operation_time_to_first_chunk_seconds_sum": [(labels, 0.2)],
        "otel_llm_cost_total": [(SOURCE, 0.25)],
    }


def test_names_labels_and_buckets_are_those_of_the_table() -> None:
    found = samples([call(response_model="m", time_to_first_chunk_s=0.2, error_type="timeout")])
    for metric in (names.OPERATION_DURATION, names.TOKEN_USAGE, names.TIME_TO_FIRST_CHUNK):
        buckets = [sample for sample in found if sample.name == f"{metric.prometheus_name}_bucket"]
        bounds = list(dict.fromkeys(sample.labels["le"] for sample in buckets))
        assert [float(bound) for bound in bounds] == [*metric.buckets, float("inf")]
        known = {prometheus_label(label) for label in metric.labels} - {"server_address", "server_port"}
        assert {name for sample in buckets for name in sample.labels} == known | {"le"}


def test_what_a_span_does_not_say_is_not_counted() -> None:
    found = values(samples([call(usage=Usage())]))
    assert found == {"gen_ai_client_operation_duration_seconds_sum": [(LABELS, 1.5)]}


def test_the_type_of_an_error_is_on_the_duration_alone() -> None:
    found = values(samples([call(error_type="timeout", usage=Usage(input_tokens=7))]))
    assert found == {
        "gen_ai_client_operation_duration_seconds_sum": [(LABELS | {"error_type": "timeout"}, 1.5)],
        "gen_ai_client_token_usage_sum": [(LABELS | {"gen_ai_token_type": "input"}, 7)],
    }


def test_numbers_that_cannot_be_are_left_out_without_a_word(caplog: pytest.LogCaptureFixture) -> None:
    usage = Usage(input_tokens=-1, output_tokens=-2, cost_usd=-0.5)
    found = samples([call(usage=usage, time_to_first_chunk_s=-1.0)])
    assert list(values(found)) == ["gen_ai_client_operation_duration_seconds_sum"]
    assert caplog.records == []


@pytest.mark.parametrize(
    ("settings", "counted"),
    [
        ({}, {"shop-eu", "shop-us", "bot"}),
        ({"services": "shop-*"}, {"shop-eu", "shop-us"}),
        ({"services": ["shop-eu", "b?t"]}, {"shop-eu", "bot"}),
        ({"exclude": ["shop-*"]}, {"bot"}),
        ({"services": "shop-*", "exclude": "*-us"}, {"shop-eu"}),
    ],
)
def test_services_that_emit_metrics_themselves_are_left_out(settings: dict[str, Any], counted: set[str]) -> None:
    found = samples([call(service=service) for service in ("shop-eu", "shop-us", "bot")] * 2, **settings)
    counts = values(found, "_duration_seconds_count")["gen_ai_client_operation_duration_seconds_count"]
    assert {labels["service_name"]: count for labels, count in counts} == dict.fromkeys(counted, 2)


def test_hostile_model_names_make_no_more_series_than_the_limit() -> None:
    hostile = [call(request_model=f"m{number}", error_type=f"e{number}") for number in range(500)]
    found = values(samples(hostile, max_label_values=3), "_duration_seconds_count")
    counts = {
        (labels["gen_ai_request_model"], labels["error_type"]): count
        for labels, count in found["gen_ai_client_operation_duration_seconds_count"]
    }
    assert counts == {("m0", "e0"): 1, ("m1", "e1"): 1, ("m2", "e2"): 1, ("other", "other"): 497}
