"""Series of the SDK: what they record is what the public API records, value by value."""

import itertools
import threading

import pytest
from opentelemetry.context import Context
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.metrics._internal import _ProxyMeterProvider
from opentelemetry.sdk import version
from opentelemetry.sdk.metrics import (
    AlwaysOffExemplarFilter,
    AlwaysOnExemplarFilter,
    Counter,
    Histogram,
    MeterProvider,
    TraceBasedExemplarFilter,
)
from opentelemetry.sdk.metrics._internal.exemplar import ExemplarFilter, exemplar_reservoir
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader
from opentelemetry.sdk.metrics.view import (
    DropAggregation,
    ExplicitBucketHistogramAggregation,
    ExponentialBucketHistogramAggregation,
    SumAggregation,
    View,
)
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from otel_llm.instrument.lifecycle import series
from otel_llm.instrument.lifecycle.series import Moment, Series

LABELS = {"gen_ai.operation.name": "chat", "server.port": 443, "gen_ai.request.model": "gpt-4o"}
SPAN = SpanContext(trace_id=1, span_id=2, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))
IN_SPAN = set_span_in_context(NonRecordingSpan(SPAN), Context())
BUCKETS = (0.01, 0.1, 1.0)
DELTA = {Counter: AggregationTemporality.DELTA, Histogram: AggregationTemporality.DELTA}
VALUES = [0.0, 0.005, 0.01, 0.5, 0.25, 7.0] * 60


class Large(ExemplarFilter):
    """A filter of an app's own: large values alone."""

    def should_sample(self, value, time_unix_nano, attributes, context):
        return value > 1


def delta_reader():
    return InMemoryMetricReader(preferred_temporality=DELTA)


def by_view(**options):
    return lambda: MeterProvider([InMemoryMetricReader()], views=[View(instrument_name="test", **options)])


PROVIDERS = {
    "plain": lambda: MeterProvider([InMemoryMetricReader()]),
    "no reader": lambda: MeterProvider([]),
    "two readers": lambda: MeterProvider([InMemoryMetricReader(), delta_reader()]),
    "delta": lambda: MeterProvider([delta_reader()]),
    "other buckets": by_view(aggregation=ExplicitBucketHistogramAggregation((0.2, 0.4))),
    "exponential": by_view(aggregation=ExponentialBucketHistogramAggregation()),
    "sum": by_view(aggregation=SumAggregation()),
    "dropped": by_view(aggregation=DropAggregation()),
    "fewer labels": by_view(attribute_keys={"server.port"}),
    "no labels": by_view(attribute_keys=set()),
    "two views": lambda: MeterProvider(
        [InMemoryMetricReader()],
        views=[View(instrument_name="test"), View(instrument_name="test", name="again", attribute_keys=set())],
    ),
    **{
        each.__name__: lambda each=each: MeterProvider([InMemoryMetricReader()], exemplar_filter=each())
        for each in (AlwaysOnExemplarFilter, AlwaysOffExemplarFilter, TraceBasedExemplarFilter, Large)
    },
}
# how values are recorded: with what there is in between
SCRIPT = ("record", "record", "all", "collect", "all", "record", "collect", "collect", "all")


def instrument_of(provider, kind="histogram"):
    meter = provider.get_meter("test")
    if kind == "counter":
        counter = meter.create_counter("test")
        return counter, counter.add
    histogram = meter.create_histogram("test", explicit_bucket_boundaries_advisory=BUCKETS)
    return histogram, histogram.record


def readers_of(provider):
    return list(provider._measurement_consumer._reader_storages)


def points_of(reader):
    """Return all that a reader collects but the times."""
    data = reader.get_metrics_data()
    points = []
    for resource in data.resource_metrics if data else ():
        for metric in resource.scope_metrics[0].metrics:
            for point in metric.data.data_points:
                held = {name: getattr(point, name) for name in vars(point) if "time" not in name}
                held["exemplars"] = [
                    (each.value, each.span_id, each.filtered_attributes) for each in point.exemplars
                ]
                points.append((metric.name, type(point), held))
    return points


class Public:
    """What a series stands in for."""

    def __init__(self, _, put, labels):
        self.put, self.labels = put, labels

    def record(self, value, moment):
        self.put(value, self.labels, moment.context)

    def record_all(self, values, moment):
        for value in values:
            self.record(value, moment)


def played(make, provider, kind, context):
    recorder = make(*instrument_of(provider, kind), LABELS)
    collected = []
    for step in SCRIPT:
        if step == "collect":
            collected.append([points_of(reader) for reader in readers_of(provider)])
        elif step == "record":
            recorder.record(0.3, Moment(context))
        else:
            recorder.record_all(VALUES, Moment(context))
    return [*collected, [points_of(reader) for reader in readers_of(provider)]]


@pytest.mark.parametrize("context", [Context(), IN_SPAN], ids=["no span", "span"])
@pytest.mark.parametrize(("provider", "kind"), [*itertools.product(PROVIDERS, ["histogram", "counter"])])
def test_a_series_records_what_the_public_api_records(provider, kind, context, monkeypatch):
    monkeypatch.setattr(exemplar_reservoir, "randrange", lambda low, _: low)  # the newest exemplar is kept
    make = PROVIDERS[provider]
    ours = played(Series, make(), kind, context)

    assert ours == played(Public, make(), kind, context)
    assert provider in {"no reader", "dropped"} or any(points for reader in ours for points in reader)


def counted(provider):
    ((_, _, point),) = points_of(readers_of(provider)[0])
    return point["count"]


def test_the_public_api_is_asked_once_for_a_series():
    provider = MeterProvider([InMemoryMetricReader(), delta_reader()])
    instrument, put = instrument_of(provider)
    asked = []
    recorder = Series(instrument, lambda *given: asked.append(given) or put(*given), LABELS)
    recorder.record_all(VALUES, Moment(IN_SPAN))
    recorder.record(1.0, Moment(IN_SPAN))
    points_of(readers_of(provider)[1])
    recorder.record_all(VALUES, Moment(IN_SPAN))

    assert asked == [(VALUES[0], LABELS, IN_SPAN)]
    assert counted(provider) == 2 * len(VALUES) + 1


def test_the_versions_of_the_sdk_that_were_read_have_the_installed_one():
    """If this fails: read what changed in `opentelemetry.sdk.metrics._internal`, then name the version."""
    assert ".".join(version.__version__.split(".")[:2]) in series._KNOWN_VERSIONS


@pytest.mark.parametrize("break_off", ["version", "instrument", "consumer", "storage", "match"])
def test_insides_that_are_not_known_are_left_alone(break_off, monkeypatch):
    provider = MeterProvider([InMemoryMetricReader()])
    instrument, put = instrument_of(provider)
    consumer = provider._measurement_consumer
    (storage,) = consumer._reader_storages.values()
    if break_off == "version":
        monkeypatch.setattr(version, "__version__", "2.0.0")
    elif break_off == "match":
        put(0.5, LABELS)
        (match,) = storage._get_or_init_view_instrument_match(instrument)
        monkeypatch.delattr(type(match._view), "_attribute_keys", raising=False)
        monkeypatch.delattr(match._view, "_attribute_keys")
        monkeypatch.setattr(type(match), "consume_measurement", lambda *given: asked.append(given))
    else:
        found = {"instrument": instrument, "consumer": consumer, "storage": storage}[break_off]
        found.__class__ = type("Other", (type(found),), {})
    asked = []
    recorder = Series(instrument, lambda *given: asked.append(given), LABELS)
    recorder.record_all([0.1, 0.2, 0.3], Moment(IN_SPAN))
    recorder.record(0.4, Moment(IN_SPAN))

    assert [value for value, *_ in asked] == [0.1, 0.2, 0.3, 0.4]


@pytest.mark.parametrize("provider", [NoOpMeterProvider(), _ProxyMeterProvider()], ids=["none", "not set up yet"])
def test_a_provider_of_another_make_is_recorded_with_by_its_api(provider):
    instrument, _ = instrument_of(provider)
    asked = []
    recorder = Series(instrument, lambda *given: asked.append(given), LABELS)
    recorder.record_all([0.1, 0.2], Moment(IN_SPAN))

    assert asked == [(0.1, LABELS, IN_SPAN), (0.2, LABELS, IN_SPAN)]


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_a_value_that_the_sdk_refuses_is_refused(value, caplog):
    provider = MeterProvider([InMemoryMetricReader()])
    recorder = Series(*instrument_of(provider), LABELS)
    recorder.record_all([0.1, 0.2], Moment(IN_SPAN))
    recorder.record(value, Moment(IN_SPAN))
    recorder.record_all([0.3, value, 0.4], Moment(IN_SPAN))

    assert counted(provider) == 4
    assert len(caplog.records) == 2


def test_a_reader_that_comes_later_is_recorded_for():
    provider = MeterProvider([InMemoryMetricReader()])
    recorder = Series(*instrument_of(provider), LABELS)
    recorder.record_all([0.1, 0.2], Moment(IN_SPAN))
    later = InMemoryMetricReader()
    provider.add_metric_reader(later)
    recorder.record_all([0.3, 0.4, 0.5], Moment(IN_SPAN))
    provider.remove_metric_reader(later)
    recorder.record_all([0.6, 0.7], Moment(IN_SPAN))

    assert counted(provider) == 7


def test_labels_beyond_the_sdks_limit_are_counted_where_it_counts_them():
    provider = MeterProvider(
        [InMemoryMetricReader()], views=[View(instrument_name="test", aggregation_cardinality_limit=2)]
    )
    instrument, put = instrument_of(provider)
    for model in ("a", "b", "c", "d"):
        Series(instrument, put, {**LABELS, "gen_ai.request.model": model}).record_all([0.1] * 10, Moment(IN_SPAN))

    points = points_of(readers_of(provider)[0])
    assert sorted(point["count"] for _, _, point in points) == [10, 10, 20]
    assert {"otel.metric.overflow": True} in [point["attributes"] for _, _, point in points]


def test_collections_meanwhile_lose_no_value():
    provider = MeterProvider([delta_reader()])
    (reader,) = readers_of(provider)
    recorder = Series(*instrument_of(provider), LABELS)
    ended = threading.Event()
    collected = []

    def collect():
        while not ended.is_set():
            collected.extend(point["count"] for _, _, point in points_of(reader))

    collector = threading.Thread(target=collect)
    collector.start()
    for _ in range(300):
        recorder.record_all([0.1] * 20, Moment(IN_SPAN))
    ended.set()
    collector.join()

    assert sum(collected) + sum(point["count"] for _, _, point in points_of(reader)) == 6_000
    assert len(collected) > 1
