"""Metrics as the parts of otel-llm record them: through the SDK, by the table of names."""

from collections.abc import Iterable

from opentelemetry.metrics import MeterProvider

from otel_llm import names
from otel_llm.names import Metric

VALUES = {
    names.SERVICE_NAME: "shop",
    names.OPERATION: "chat",
    names.PROVIDER: "openai",
    names.REQUEST_MODEL: "gpt-4o",
    names.RESPONSE_MODEL: "gpt-4o-2024-08-06",
    names.SERVER_ADDRESS: "api.openai.com",
    names.SERVER_PORT: 443,
    names.TOKEN_TYPE: "input",
    names.TOKEN_MODALITY: "text",
    names.ERROR_TYPE: "429",
    names.LABEL_EVALUATOR: "toxicity",
    names.LABEL_TARGET: "output",
    names.LABEL_LABEL: "fail",
    names.LABEL_DETECTOR: "mmd",
    names.LABEL_BASELINE: "reference",
    names.LABEL_TRANSPORT: "grpc",
    names.LABEL_RECEIVER: "otlp",
    names.LABEL_EXPORTER: "events",
    names.LABEL_REASON: "overload",
    names.LABEL_DIALECT: "genai",
    names.LABEL_ATTRIBUTE: "gen_ai.input.messages",
    names.LABEL_STAGE: "decode",
    names.LABEL_PROCESS: "0",
    names.GPU_ID: "GPU-0",
    names.GPU_MODEL: "H200",
}

METRICS = tuple(value for value in vars(names).values() if isinstance(value, Metric))


def record_every_metric(
    provider: MeterProvider,
    metrics: Iterable[Metric] = METRICS,
    *,
    without: Iterable[str] = (),
    times: int = 1,
) -> None:
    """Record each metric once per call, with a value for each of its labels but those in `without`."""
    meter = provider.get_meter("test")
    for metric in metrics:
        labels = {label: VALUES[label] for label in metric.labels if label not in without}
        about = (metric.name, metric.unit, metric.description)
        match metric.kind:
            case "counter":
                meter.create_counter(*about).add(0.5, labels)
            case "gauge":
                meter.create_gauge(*about).set(0.5, labels)
            case "histogram":
                buckets = metric.buckets
                meter.create_histogram(*about, explicit_bucket_boundaries_advisory=buckets).record(0.5, labels)
