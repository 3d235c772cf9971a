"""The client metrics, by either set of the conventions' names."""

import pytest
from in_process import COMPLETION, chunk, client_for
from opentelemetry.context import Context
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context
from usages import usage_of

from otel_llm import names
from otel_llm.config.instrument import read_settings
from otel_llm.config.instrument_values import ConventionNames
from otel_llm.errors import ConfigError
from otel_llm.instrument.lifecycle.metrics import Measurement, Metrics

ASK = [{"role": "user", "content": "Hello?"}]
CHAT = {
    names.OPERATION: "chat",
    names.PROVIDER: "openai",
    names.REQUEST_MODEL: "gpt-4o",
    names.RESPONSE_MODEL: "gpt-4o-2024-08-06",
    names.SERVER_ADDRESS: "api.openai.com",
    names.SERVER_PORT: 443,
}
EMBEDDINGS = {**CHAT, names.OPERATION: "embeddings"}
USAGE = usage_of(
    input_tokens=100,
    output_tokens=50,
    cache_read_tokens=30,
    cache_write_tokens=0,
    reasoning_tokens=20,
    input_text_tokens=60,
    input_audio_tokens=30,
    output_text_tokens=40,
    output_audio_tokens=10,
    cache_read_audio_tokens=30,
)


class Recorded:
    """What was recorded, by the names of the metrics and then by the labels that are not those of `CHAT`."""

    def __init__(self, metric_names):
        self.reader = InMemoryMetricReader()
        self.metrics = Metrics(MeterProvider([self.reader]).get_meter("test"), metric_names)

    def record(self, attributes=CHAT, context=None, **measured):
        measurement = Measurement(
            **{
                "attributes": attributes,
                "context": context or Context(),
                "duration_s": 1.5,
                "error_type": None,
                "usage": None,
                "first_chunk_s": None,
                "chunk_times": (),
                **measured,
            }
        )
        self.metrics.record(measurement)
        self.metrics.add_cost(0.25, measurement.attributes, measurement.context)
        return self

    @property
    def data(self):
        data = self.reader.get_metrics_data()
        return {metric.name: metric for metric in data.resource_metrics[0].scope_metrics[0].metrics}

    @property
    def values(self):
        """Each point's value: a counter's sum, a histogram's sum and count."""
        return {
            name: {
                tuple(value for label, value in point.attributes.items() if label not in CHAT): (
                    (point.sum, point.count) if hasattr(point, "count") else point.value
                )
                for point in metric.data.data_points
            }
            for name, metric in self.data.items()
        }


STREAM = {"usage": USAGE, "first_chunk_s": 0.5, "chunk_times": (0.5, 0.75, 1.5)}
DEPLOYED = {
    "gen_ai.client.operation.duration": {(): (1.5, 1)},
    "gen_ai.client.operation.time_to_first_chunk": {(): (0.5, 1)},
    "gen_ai.client.operation.time_per_output_chunk": {(): (1.0, 2)},
    "gen_ai.client.token.usage": {("input",): (100, 1), ("output",): (50, 1)},
    "otel_llm.cost": {(): 0.25},
}
NEWEST = {
    "gen_ai.client.inference.duration": {(): (1.5, 1)},
    "gen_ai.client.inference.time_to_first_chunk": {(): (0.5, 1)},
    "gen_ai.client.inference.time_per_output_chunk": {(): (1.0, 2)},
    "gen_ai.client.inference.operation.input_tokens": {(): (100, 1)},
    "gen_ai.client.inference.operation.output_tokens": {(): (50, 1)},
    "gen_ai.client.inference.usage.input_tokens": {("text",): 60, ("audio",): 30, ("unknown",): 10},
    "gen_ai.client.inference.usage.output_tokens": {("text",): 40, ("audio",): 10},
    "gen_ai.client.inference.usage.cache_read.input_tokens": {("audio",): 30},
    "gen_ai.client.inference.usage.cache_write.input_tokens": {("unknown",): 0},
    "gen_ai.client.inference.usage.reasoning.output_tokens": {("unknown",): 20},
    "otel_llm.cost": {(): 0.25},
}


@pytest.mark.parametrize(
    ("metric_names", "values"),
    [
        (ConventionNames.DEPLOYED, DEPLOYED),
        (ConventionNames.NEWEST, NEWEST),
        (ConventionNames.BOTH, DEPLOYED | NEWEST),
    ],
)
def test_a_stream_is_recorded_by_the_names_chosen(metric_names, values):
    assert Recorded(metric_names).record(**STREAM).values == values


def test_by_the_newest_names_what_is_no_inference_keeps_its_duration():
    recorded = Recorded(ConventionNames.NEWEST).record(EMBEDDINGS, usage=usage_of(input_tokens=10))

    assert recorded.values == {"gen_ai.client.operation.duration": {(): (1.5, 1)}, "otel_llm.cost": {(): 0.25}}


def test_by_both_names_what_is_no_inference_is_recorded_once():
    recorded = Recorded(ConventionNames.BOTH).record(EMBEDDINGS, usage=usage_of(input_tokens=10))

    assert recorded.values == {
        "gen_ai.client.operation.duration": {(): (1.5, 1)},
        "gen_ai.client.token.usage": {("input",): (10, 1)},
        "otel_llm.cost": {(): 0.25},
    }


def test_every_metric_has_the_kind_unit_buckets_and_labels_of_its_table():
    data = Recorded(ConventionNames.BOTH).record(error_type="RateLimitError", **STREAM).data
    metrics = {
        metric.name: metric
        for measured in names.CLIENT_METRICS.values()
        for metric in measured.deployed + measured.newest
    }
    assert data.keys() == metrics.keys()
    for name, metric in metrics.items():
        (point, *_) = data[name].data.data_points
        assert (data[name].unit, data[name].description) == (metric.unit, metric.description)
        assert set(point.attributes) == set(metric.labels) - {names.SERVICE_NAME}
        assert getattr(point, "explicit_bounds", ()) == metric.buckets
        assert hasattr(point, "explicit_bounds") == (metric.kind == "histogram")
        assert metric.kind == "histogram" or data[name].data.is_monotonic


def test_counts_that_were_not_reported_are_not_recorded():
    values = Recorded(ConventionNames.BOTH).record(usage=usage_of(output_tokens=5)).values

    assert values["gen_ai.client.token.usage"] == {("output",): (5, 1)}
    assert [name for name in values if "tokens" in name] == [
        "gen_ai.client.inference.operation.output_tokens",
        "gen_ai.client.inference.usage.output_tokens",
    ]


def test_an_exemplar_leads_from_a_metric_to_the_span_but_not_from_each_chunk():
    span = SpanContext(trace_id=1, span_id=2, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))
    context = set_span_in_context(NonRecordingSpan(span), Context())
    data = Recorded(ConventionNames.DEPLOYED).record(context=context, **STREAM).data
    assert names.TIME_PER_OUTPUT_CHUNK.name in data
    for name, metric in data.items():
        exemplars = [
            (exemplar.trace_id, exemplar.span_id)
            for point in metric.data.data_points
            for exemplar in point.exemplars
        ]
        expected = set() if name == names.TIME_PER_OUTPUT_CHUNK.name else {(1, 2)}
        assert set(exemplars) == expected, name


def test_models_that_a_provider_makes_up_take_no_labels_from_those_that_exist():
    recorded = Recorded(ConventionNames.DEPLOYED)
    recorded.record()
    for number in range(3_000):
        recorded.record({**CHAT, names.RESPONSE_MODEL: f"model-{number}" + "x" * 1_000})
    recorded.record()

    points = recorded.data[names.OPERATION_DURATION.name].data.data_points
    counts = {point.attributes[names.RESPONSE_MODEL]: point.count for point in points}
    assert len(counts) == 201
    assert counts["gpt-4o-2024-08-06"] == 2
    assert counts["other"] == 3_000 - 199
    assert max(map(len, counts)) == 128


def test_the_newest_names_are_chosen_in_code_or_by_the_variable(exported, monkeypatch):
    exported.instrument(metric_names="newest")
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    chunks = [chunk({"content": "Hi"}), chunk({}, finish_reason="stop", usage=usage)]
    list(client_for(chunks).chat.completions.create(model="gpt-4o-mini", messages=ASK, stream=True))

    assert exported.metric_names() == {
        "gen_ai.client.inference.duration",
        "gen_ai.client.inference.time_to_first_chunk",
        "gen_ai.client.inference.time_per_output_chunk",
        "gen_ai.client.inference.operation.input_tokens",
        "gen_ai.client.inference.operation.output_tokens",
        "gen_ai.client.inference.usage.input_tokens",
        "gen_ai.client.inference.usage.output_tokens",
        "otel_llm.cost",
    }
    settings, problems = read_settings({"OTEL_LLM_METRIC_NAMES": " Both "})
    assert (settings.metric_names, problems) == (ConventionNames.BOTH, [])


def test_names_that_there_are_none_of_are_refused():
    with pytest.raises(ConfigError, match="metric_names must be one of deployed, newest, both, got 'latest'"):
        read_settings({}, metric_names="latest")
    settings, (problem,) = read_settings({"OTEL_LLM_METRIC_NAMES": "latest"})
    assert settings.metric_names is ConventionNames.DEPLOYED
    assert str(problem) == "OTEL_LLM_METRIC_NAMES must be one of deployed, newest, both, got 'latest'"


def test_the_conventions_own_switch_is_accepted_and_changes_nothing(exported, monkeypatch):
    monkeypatch.setenv("OTEL_SEMCONV_STABILITY_OPT_IN", "gen_ai_latest_experimental")
    exported.instrument()
    client_for(COMPLETION).chat.completions.create(model="gpt-4o-mini", messages=ASK)

    assert names.OPERATION_DURATION.name in exported.metric_names()
    assert names.INFERENCE_DURATION.name not in exported.metric_names()
