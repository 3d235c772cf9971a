"""Pages as real registries make them, merged and read again."""

import pytest
from prometheus_client import CollectorRegistry, Counter, Enum, Gauge, Histogram, Info, Summary
from prometheus_client.exposition import choose_encoder
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text
from prometheus_client.samples import Sample
from support.results import result

from otel_llm.report.metrics import ServiceMetrics
from otel_llm.service.processes.merged_metrics import OPENMETRICS, about_processes, expose, merge, read_page

TEXT = "text/plain; version=0.0.4"
TRACE = {"trace_id": "0af7651916cd43dd8448eb211c80319c"}
HOSTILE = 'a "model" \\ with\nlines, and a } brace'
READERS = {TEXT: read_text, OPENMETRICS: read_openmetrics}


def registry(requests: int) -> CollectorRegistry:
    """One metric of each type that there is."""
    registry = CollectorRegistry()
    about = {"registry": registry}
    Counter("requests", "Requests,\nby \\ model.", ["model"], **about).labels(HOSTILE).inc(requests, TRACE)
    Gauge("queue_size_bytes", "Size.", unit="bytes", **about).set(2**53 - 1)
    histogram = Histogram("duration_seconds", "Duration.", unit="seconds", buckets=(0.1, 1), **about)
    histogram.observe(0.25, TRACE)
    Summary("size", "Size.", **about).observe(3)
    Info("build", "Build.", **about).info({"version": "1"})
    Enum("state", "State.", states=["open", "closed"], **about).state("closed")
    return registry


def page(registry: CollectorRegistry, accept: str) -> str:
    encode, _ = choose_encoder(accept)
    return encode(registry).decode()


def samples(text: str, accept: str, **more: str) -> list[str]:
    """Return every sample with what its family says, in an order of its own; `more` are labels beside its own."""
    return sorted(
        repr((family.name, family.type, family.documentation, family.unit, _with(sample, more)))
        for family in READERS[accept](text)
        for sample in family.samples
    )


def _with(sample: Sample, more: dict[str, str]) -> Sample:
    return sample._replace(labels=dict(sorted((sample.labels | more).items())))


def merged(pages: list[str], accept: str) -> tuple[str, str]:
    body, content_type = expose(merge(read_page(process, page) for process, page in enumerate(pages)), accept)
    return body.decode(), content_type


@pytest.mark.parametrize("accept", [TEXT, OPENMETRICS])
def test_a_merged_page_holds_every_sample_of_every_process_and_its_number(accept: str) -> None:
    registries = [registry(3), registry(5)]
    text, content_type = merged([page(each, OPENMETRICS) for each in registries], accept)
    first, second = (
        samples(page(each, accept), accept, process=str(process)) for process, each in enumerate(registries)
    )
    assert samples(text, accept) == sorted(first + second)
    assert content_type.startswith(accept)


@pytest.mark.parametrize("accept", [TEXT, OPENMETRICS])
def test_each_family_is_described_once(accept: str) -> None:
    text, _ = merged([page(registry(1), OPENMETRICS)] * 3, accept)
    described = [line for line in text.splitlines() if line.startswith("# ") and line != "# EOF"]
    assert len(described) == len(set(described))
    assert text.count("# EOF") == (1 if accept == OPENMETRICS else 0)


def test_exemplars_units_and_times_of_creation_are_kept() -> None:
    text, _ = merged([page(registry(3), OPENMETRICS)], OPENMETRICS)
    assert "# UNIT duration_seconds seconds" in text
    assert '# {trace_id="0af7651916cd43dd8448eb211c80319c"} 3.0 ' in text
    assert "\nrequests_created{" in text


def test_the_services_own_page_is_merged() -> None:
    pages = []
    for accepted in (3, 4):
        metrics = ServiceMetrics(max_label_values=10)
        metrics.received("grpc", "traces", accepted=accepted)
        metrics.evaluated([result()], {"toxicity": 0.01}, [])
        pages.append(metrics.expose(OPENMETRICS)[0].decode())
        metrics.close()
    text, _ = merged(pages, TEXT)
    for process, accepted in enumerate(("3.0", "4.0")):
        labels = f'process="{process}",receiver="otlp",transport="grpc"'
        assert f"otelcol_receiver_accepted_spans_total{{{labels}}} {accepted}" in text
    assert text.count("# TYPE otel_llm_evaluation_score histogram") == 1


def test_a_family_of_another_type_is_left_out_and_the_rest_stays() -> None:
    before, after = CollectorRegistry(), CollectorRegistry()
    Gauge("calls", "Calls.", registry=before).set(1)
    Counter("calls", "Calls.", registry=after).inc(7)
    Gauge("depth", "Depth.", registry=after).set(2)
    text, _ = merged([page(before, OPENMETRICS), page(after, OPENMETRICS)], TEXT)
    assert 'calls{process="0"} 1.0' in text
    assert 'depth{process="1"} 2.0' in text
    assert "7.0" not in text


def test_a_page_that_is_no_openmetrics_is_an_error() -> None:
    with pytest.raises(ValueError, match="EOF"):
        read_page(0, "calls 1\n")


def test_what_is_known_of_the_processes_themselves() -> None:
    text = expose(about_processes({0: True, 1: False}, {0: 0, 1: 3}), TEXT)[0].decode()
    assert 'otel_llm_process_up{process="0"} 1.0' in text
    assert 'otel_llm_process_up{process="1"} 0.0' in text
    assert 'otel_llm_process_restarts_total{process="1"} 3.0' in text
