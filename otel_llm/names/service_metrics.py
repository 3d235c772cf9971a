"""Metrics of the evaluation service and of the model server."""

from __future__ import annotations

from typing import Final

from otel_llm.names.attributes import (
    ERROR_TYPE,
    GPU_ID,
    GPU_MODEL,
    LABEL_ATTRIBUTE,
    LABEL_BASELINE,
    LABEL_DETECTOR,
    LABEL_DIALECT,
    LABEL_EVALUATOR,
    LABEL_EXPORTER,
    LABEL_LABEL,
    LABEL_PROCESS,
    LABEL_REASON,
    LABEL_RECEIVER,
    LABEL_STAGE,
    LABEL_TARGET,
    LABEL_TRANSPORT,
    OPERATION,
    PROVIDER,
    REQUEST_MODEL,
    SERVICE_NAME,
)
from otel_llm.names.metric import DURATION_BUCKETS_S, SOURCE_LABELS, Metric

# GenAI metrics conventions, section of each metric
_FIRST_TOKEN_SECONDS: Final = (
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
)  # fmt: skip
_PER_TOKEN_SECONDS: Final = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5)
_SCORES: Final = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)  # ours
_EVALUATION_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)  # ours

# The model server's metrics.
SERVER_REQUEST_DURATION: Final = Metric(
    "gen_ai.server.request.duration", "histogram", "s",
    "Duration of a request to the model server.", (OPERATION, PROVIDER, REQUEST_MODEL, ERROR_TYPE),
    DURATION_BUCKETS_S,
)  # fmt: skip
SERVER_TIME_TO_FIRST_TOKEN: Final = Metric(
    "gen_ai.server.time_to_first_token", "histogram", "s",
    "Time from the request to the first generated token.", (OPERATION, PROVIDER, REQUEST_MODEL),
    _FIRST_TOKEN_SECONDS,
)  # fmt: skip
SERVER_TIME_PER_OUTPUT_TOKEN: Final = Metric(
    "gen_ai.server.time_per_output_token", "histogram", "s",
    "Time per output token after the first.", (OPERATION, PROVIDER, REQUEST_MODEL), _PER_TOKEN_SECONDS,
)  # fmt: skip

# The evaluation service's metrics.
EVALUATIONS: Final = Metric(
    "otel_llm.evaluations", "counter", "{evaluation}", "Evaluations by outcome.",
    (*SOURCE_LABELS, LABEL_EVALUATOR, LABEL_TARGET, LABEL_LABEL),
)  # fmt: skip
EVALUATION_SCORE: Final = Metric(
    "otel_llm.evaluation.score", "histogram", "{score}",
    "Score: the probability of what the evaluator is named for.",
    (*SOURCE_LABELS, LABEL_EVALUATOR, LABEL_TARGET), _SCORES,
)  # fmt: skip
EVALUATION_DURATION: Final = Metric(
    "otel_llm.evaluation.duration", "histogram", "s",
    "Time an evaluator spent on one batch of calls.", (LABEL_EVALUATOR,), _EVALUATION_SECONDS,
)  # fmt: skip
EVALUATION_OLDEST_PENDING: Final = Metric(
    "otel_llm.evaluation.oldest_pending", "gauge", "s",
    "Age of the oldest request not done with: evaluated, and its results delivered.", (),
)  # fmt: skip
_DRIFT: Final = (SERVICE_NAME, LABEL_DETECTOR, LABEL_TARGET, LABEL_BASELINE)
DRIFT_STATISTIC: Final = Metric(
    "otel_llm.drift.statistic", "gauge", "{statistic}", "Distance of the window from its reference.", _DRIFT,
)  # fmt: skip
DRIFT_THRESHOLD: Final = Metric(
    "otel_llm.drift.threshold", "gauge", "{statistic}", "The statistic's value that raises the alarm.", _DRIFT,
)  # fmt: skip
DRIFT_ALARM: Final = Metric(
    "otel_llm.drift.alarm", "gauge", "{alarm}", "1 while the statistic is above its threshold, else 0.", _DRIFT,
)  # fmt: skip

# What waits in the service, and what does not come to its end there.
QUEUE_SIZE: Final = Metric("otel_llm.queue.size", "gauge", "By", "Bytes that wait in the queue.", ())
QUEUE_CAPACITY: Final = Metric("otel_llm.queue.capacity", "gauge", "By", "Bytes that the queue may hold.", ())
QUEUE_REQUESTS: Final = Metric("otel_llm.queue.requests", "gauge", "{request}", "Requests not done with.", ())
EVALUATIONS_SKIPPED: Final = Metric(
    "otel_llm.evaluations.skipped", "counter", "{call}",
    "Calls passed on without an evaluation, since the evaluators had no room.", (),
)  # fmt: skip
SPANS_NOT_EVALUATED: Final = Metric(
    "otel_llm.spans.not_evaluated", "counter", "{span}",
    "GenAI spans that are not evaluated.", (OPERATION, LABEL_REASON),
)  # fmt: skip
CONTENT_PROBLEMS: Final = Metric(
    "otel_llm.content.problems", "counter", "{problem}",
    "Content of calls that could not be read, or not whole.", (LABEL_DIALECT, LABEL_ATTRIBUTE, LABEL_REASON),
)  # fmt: skip
PASSED_LATE: Final = Metric(
    "otel_llm.inline.late", "counter", "{request}", "Requests passed on before their evaluation ended.", (),
)  # fmt: skip
REFUSALS: Final = Metric(
    "otel_llm.receiver.refusals", "counter", "{refusal}",
    "Requests, or spans, log records and data points of them, that were refused.", (LABEL_REASON,),
)  # fmt: skip
METRIC_POINTS_DROPPED: Final = Metric(
    "otel_llm.receiver.dropped_metric_points", "counter", "{datapoint}",
    "Data points of applications that were taken and dropped, since no next receiver is set.", (),
)  # fmt: skip
DEAD_LETTERS: Final = Metric("otel_llm.dead_letters", "counter", "{letter}", "Dead letters.", (LABEL_STAGE,))

# Several processes of one service.
PROCESS_UP: Final = Metric(
    "otel_llm.process.up", "gauge", "{process}", "1 where the process gave its metrics, else 0.", (LABEL_PROCESS,),
)  # fmt: skip
PROCESS_RESTARTS: Final = Metric(
    "otel_llm.process.restarts", "counter", "{restart}", "How often the process was started again.",
    (LABEL_PROCESS,),
)  # fmt: skip

# The service's metrics by the names that the OpenTelemetry Collector gives its own.
_RECEIVER: Final = (LABEL_RECEIVER, LABEL_TRANSPORT)
RECEIVER_ACCEPTED_SPANS: Final = Metric(
    "otelcol_receiver_accepted_spans", "counter", "{span}", "Spans received and taken.", _RECEIVER,
)  # fmt: skip
RECEIVER_ACCEPTED_LOG_RECORDS: Final = Metric(
    "otelcol_receiver_accepted_log_records", "counter", "{record}", "Log records received and taken.", _RECEIVER,
)  # fmt: skip
RECEIVER_ACCEPTED_METRIC_POINTS: Final = Metric(
    "otelcol_receiver_accepted_metric_points", "counter", "{point}", "Data points received and taken.", _RECEIVER,
)  # fmt: skip
RECEIVER_REFUSED_SPANS: Final = Metric(
    "otelcol_receiver_refused_spans", "counter", "{span}", "Spans received and refused.", _RECEIVER,
)  # fmt: skip
RECEIVER_REFUSED_LOG_RECORDS: Final = Metric(
    "otelcol_receiver_refused_log_records", "counter", "{record}", "Log records received and refused.", _RECEIVER,
)  # fmt: skip
RECEIVER_REFUSED_METRIC_POINTS: Final = Metric(
    "otelcol_receiver_refused_metric_points", "counter", "{point}", "Data points received and refused.", _RECEIVER,
)  # fmt: skip
_EXPORTER: Final = (LABEL_EXPORTER,)
EXPORTER_SENT_SPANS: Final = Metric(
    "otelcol_exporter_sent_spans", "counter", "{span}", "Spans delivered.", _EXPORTER,
)  # fmt: skip
EXPORTER_SENT_LOG_RECORDS: Final = Metric(
    "otelcol_exporter_sent_log_records", "counter", "{record}", "Log records delivered.", _EXPORTER,
)  # fmt: skip
EXPORTER_SENT_METRIC_POINTS: Final = Metric(
    "otelcol_exporter_sent_metric_points", "counter", "{point}", "Data points delivered.", _EXPORTER,
)  # fmt: skip
EXPORTER_SEND_FAILED_SPANS: Final = Metric(
    "otelcol_exporter_send_failed_spans", "counter", "{span}", "Spans that could not be delivered.", _EXPORTER,
)  # fmt: skip
EXPORTER_SEND_FAILED_LOG_RECORDS: Final = Metric(
    "otelcol_exporter_send_failed_log_records", "counter", "{record}",
    "Log records that could not be delivered.", _EXPORTER,
)  # fmt: skip
EXPORTER_SEND_FAILED_METRIC_POINTS: Final = Metric(
    "otelcol_exporter_send_failed_metric_points", "counter", "{point}",
    "Data points that could not be delivered.", _EXPORTER,
)  # fmt: skip
EXPORTER_QUEUE_SIZE: Final = Metric(
    "otelcol_exporter_queue_size", "gauge", "{byte}", "Bytes that wait to be sent.", _EXPORTER,
)  # fmt: skip
EXPORTER_QUEUE_CAPACITY: Final = Metric(
    "otelcol_exporter_queue_capacity", "gauge", "{byte}", "Bytes that may wait to be sent.", _EXPORTER,
)  # fmt: skip

PROCESS_UPTIME: Final = Metric("otelcol_process_uptime", "counter", "s", "Uptime of the process.", ())
PROCESS_CPU: Final = Metric("otelcol_process_cpu", "counter", "s", "CPU time of the process, user and system.", ())
PROCESS_MEMORY_RSS: Final = Metric(
    "otelcol_process_memory_rss", "gauge", "By", "Resident memory of the process.", (),
)  # fmt: skip

# GPUs, by OpenTelemetry's hardware conventions (docs/hardware/gpu.md).
_GPU: Final = (GPU_ID, GPU_MODEL)
GPU_UTILIZATION: Final = Metric("hw.gpu.utilization", "gauge", "1", "Share of time in which the GPU works.", _GPU)
GPU_MEMORY_USAGE: Final = Metric("hw.gpu.memory.usage", "gauge", "By", "Memory of the GPU in use.", _GPU)
GPU_MEMORY_LIMIT: Final = Metric("hw.gpu.memory.limit", "gauge", "By", "Memory of the GPU.", _GPU)
