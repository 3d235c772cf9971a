"""Every attribute, metric, event and label that we emit or read: the one place for names.

Names without the prefix `otel_llm.` are OpenTelemetry's GenAI semantic conventions, status Development
(https://github.com/open-telemetry/semantic-conventions-genai, read in November 2026); names with it are
ours, where the conventions have none.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

# Operations: the values of gen_ai.operation.name.
EMBEDDINGS: Final = "embeddings"
TEXT_COMPLETION: Final = "text_completion"
GENERATE_IMAGE: Final = "generate_image"  # ours, like all below: the conventions name no operations on media
EDIT_IMAGE: Final = "edit_image"
VARY_IMAGE: Final = "vary_image"
GENERATE_SPEECH: Final = "generate_speech"
TRANSCRIBE_AUDIO: Final = "transcribe_audio"
TRANSLATE_AUDIO: Final = "translate_audio"
MODERATE_CONTENT: Final = "moderate_content"
CREATE_BATCH: Final = "create_batch"

# Spans: the request.
OPERATION: Final = "gen_ai.operation.name"
PROVIDER: Final = "gen_ai.provider.name"
REQUEST_MODEL: Final = "gen_ai.request.model"
REQUEST_STREAM: Final = "gen_ai.request.stream"
REQUEST_MAX_TOKENS: Final = "gen_ai.request.max_tokens"
REQUEST_TEMPERATURE: Final = "gen_ai.request.temperature"
REQUEST_TOP_P: Final = "gen_ai.request.top_p"
REQUEST_SEED: Final = "gen_ai.request.seed"
REQUEST_CHOICE_COUNT: Final = "gen_ai.request.choice.count"
REQUEST_STOP_SEQUENCES: Final = "gen_ai.request.stop_sequences"
REQUEST_FREQUENCY_PENALTY: Final = "gen_ai.request.frequency_penalty"
REQUEST_PRESENCE_PENALTY: Final = "gen_ai.request.presence_penalty"
REQUEST_ATTEMPTS: Final = "otel_llm.request.attempts"  # ours: how often the client sent it; absent where once
REQUEST_REASONING_LEVEL: Final = "gen_ai.request.reasoning.level"
REQUEST_PREVIOUS_RESPONSE_ID: Final = "gen_ai.request.previous_response.id"
REQUEST_ENCODING_FORMATS: Final = "gen_ai.request.encoding_formats"
EMBEDDINGS_DIMENSION_COUNT: Final = "gen_ai.embeddings.dimension.count"
OUTPUT_TYPE: Final = "gen_ai.output.type"
BATCH_ENDPOINT: Final = "otel_llm.request.batch.endpoint"  # ours: where a batch's requests go
OPENAI_API_TYPE: Final = "openai.api.type"  # responses; absent of other APIs
OPENAI_REQUEST_SERVICE_TIER: Final = "openai.request.service_tier"
CONVERSATION_ID: Final = "gen_ai.conversation.id"
PROMPT_NAME: Final = "gen_ai.prompt.name"
PROMPT_VERSION: Final = "gen_ai.prompt.version"
USER_ID: Final = "user.id"
TAG_PREFIX: Final = "otel_llm.tag."  # ours: an app's own tags, by their keys
SERVER_ADDRESS: Final = "server.address"
SERVER_PORT: Final = "server.port"
SERVICE_NAME: Final = "service.name"

# Spans: the response.
RESPONSE_ID: Final = "gen_ai.response.id"
RESPONSE_MODEL: Final = "gen_ai.response.model"
RESPONSE_FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
RESPONSE_TIME_TO_FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"  # seconds
# ours: natural logarithms, of the first answer's tokens; a convention is wished for: semantic-conventions-genai#18
RESPONSE_LOGPROBS: Final = "otel_llm.response.logprobs"
USAGE_INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"  # cached tokens included
USAGE_OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"  # reasoning tokens included
USAGE_CACHE_READ_INPUT_TOKENS: Final = "gen_ai.usage.cache_read.input_tokens"
USAGE_CACHE_WRITE_INPUT_TOKENS: Final = "gen_ai.usage.cache_write.input_tokens"
USAGE_REASONING_OUTPUT_TOKENS: Final = "gen_ai.usage.reasoning.output_tokens"
USAGE_TEXT_INPUT_TOKENS: Final = "gen_ai.usage.text.input_tokens"
USAGE_AUDIO_INPUT_TOKENS: Final = "gen_ai.usage.audio.input_tokens"
USAGE_IMAGE_INPUT_TOKENS: Final = "gen_ai.usage.image.input_tokens"
USAGE_TEXT_OUTPUT_TOKENS: Final = "gen_ai.usage.text.output_tokens"
USAGE_AUDIO_OUTPUT_TOKENS: Final = "gen_ai.usage.audio.output_tokens"
USAGE_IMAGE_OUTPUT_TOKENS: Final = "gen_ai.usage.image.output_tokens"
USAGE_COST: Final = "gen_ai.usage.cost"  # ours, USD; absent when the price is unknown
OPENAI_RESPONSE_SERVICE_TIER: Final = "openai.response.service_tier"
ERROR_TYPE: Final = "error.type"

# Spans: content, opt-in; JSON text on spans.
INPUT_MESSAGES: Final = "gen_ai.input.messages"
OUTPUT_MESSAGES: Final = "gen_ai.output.messages"
SYSTEM_INSTRUCTIONS: Final = "gen_ai.system_instructions"
TOOL_DEFINITIONS: Final = "gen_ai.tool.definitions"
TOOL_CALL_ARGUMENTS: Final = "gen_ai.tool.call.arguments"
TOOL_CALL_RESULT: Final = "gen_ai.tool.call.result"
RETRIEVAL_QUERY_TEXT: Final = "gen_ai.retrieval.query.text"
RETRIEVAL_DOCUMENTS: Final = "gen_ai.retrieval.documents"
# where content was uploaded: no convention yet, but what opentelemetry-util-genai 1.3b0 emits
INPUT_MESSAGES_REF: Final = "gen_ai.input.messages_ref"
OUTPUT_MESSAGES_REF: Final = "gen_ai.output.messages_ref"
SYSTEM_INSTRUCTIONS_REF: Final = "gen_ai.system_instructions_ref"
TOOL_DEFINITIONS_REF: Final = "gen_ai.tool.definitions_ref"
DOCUMENTS: Final = "otel_llm.documents"  # what groundedness is judged against: JSON list of texts

# Events: log records.
EVENT_OPERATION_DETAILS: Final = "gen_ai.client.inference.operation.details"
EVENT_EVALUATION_RESULT: Final = "gen_ai.evaluation.result"
EVALUATION_NAME: Final = "gen_ai.evaluation.name"
EVALUATION_SCORE_VALUE: Final = "gen_ai.evaluation.score.value"
EVALUATION_SCORE_LABEL: Final = "gen_ai.evaluation.score.label"
EVALUATION_EXPLANATION: Final = "gen_ai.evaluation.explanation"
EVALUATION_ID: Final = "otel_llm.evaluation.id"  # idempotent: trace, span, evaluator, version, target
EVALUATION_VERSION: Final = "otel_llm.evaluation.version"
EVALUATION_TARGET: Final = "otel_llm.evaluation.target"  # input | output
# ours: <evaluator>.<target>.label and .score follow, on the evaluated span itself
SPAN_EVALUATION_PREFIX: Final = "otel_llm.evaluation."

# Labels of metrics.
TOKEN_TYPE: Final = "gen_ai.token.type"  # input | output
TOKEN_MODALITY: Final = "gen_ai.token.modality"  # text | audio | image | unknown
LABEL_EVALUATOR: Final = "evaluator"
LABEL_TARGET: Final = "target"
LABEL_LABEL: Final = "label"
LABEL_DETECTOR: Final = "detector"
LABEL_BASELINE: Final = "baseline"
LABEL_TRANSPORT: Final = "transport"  # grpc | http
LABEL_RECEIVER: Final = "receiver"  # otlp
LABEL_EXPORTER: Final = "exporter"  # events | forward
LABEL_PROCESS: Final = "process"  # of several on one machine: its number, from 0
LABEL_REASON: Final = "reason"
GPU_ID: Final = "hw.id"
GPU_MODEL: Final = "hw.model"
LABEL_STAGE: Final = "stage"  # decode | evaluate | forward | events

# Buckets: GenAI metrics conventions, section of each metric.
_SECONDS: Final = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_TOKENS: Final = (
    1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864,
)  # fmt: skip
_FIRST_TOKEN_SECONDS: Final = (
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
)  # fmt: skip
_PER_TOKEN_SECONDS: Final = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5)
_SCORES: Final = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)  # ours
_EVALUATION_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)  # ours


class Metric(NamedTuple):
    """One metric: what the SDK is given, and what Prometheus makes of it."""

    name: str
    kind: Literal["counter", "histogram", "gauge"]
    unit: str
    description: str
    labels: tuple[str, ...]
    buckets: tuple[float, ...] = ()

    @property
    def prometheus_name(self) -> str:
        """The base name in Prometheus; a histogram's series add `_bucket`, `_sum` and `_count`.

        Source: OpenTelemetry specification, "Prometheus and OpenMetrics compatibility", metric metadata.
        """
        name = self.name.replace(".", "_")
        name += {"s": "_seconds", "By": "_bytes"}.get(self.unit, "")
        return f"{name}_total" if self.kind == "counter" else name


_CLIENT: Final = (
    SERVICE_NAME, OPERATION, PROVIDER, REQUEST_MODEL, RESPONSE_MODEL, SERVER_ADDRESS, SERVER_PORT,
)  # fmt: skip
_SOURCE: Final = (SERVICE_NAME, PROVIDER, REQUEST_MODEL)

# Client metrics, by the names that today's instrumentations emit.
OPERATION_DURATION: Final = Metric(
    "gen_ai.client.operation.duration", "histogram", "s",
    "Duration of a GenAI operation.", (*_CLIENT, ERROR_TYPE), _SECONDS,
)  # fmt: skip
TIME_TO_FIRST_CHUNK: Final = Metric(
    "gen_ai.client.operation.time_to_first_chunk", "histogram", "s",
    "Time from the request to the first chunk of a streamed response.", _CLIENT, _SECONDS,
)  # fmt: skip
TIME_PER_OUTPUT_CHUNK: Final = Metric(
    "gen_ai.client.operation.time_per_output_chunk", "histogram", "s",
    "Time between two chunks of a streamed response, after the first.", _CLIENT, _SECONDS,
)  # fmt: skip
TOKEN_USAGE: Final = Metric(
    "gen_ai.client.token.usage", "histogram", "{token}",
    "Number of input and output tokens of an operation.", (*_CLIENT, TOKEN_TYPE), _TOKENS,
)  # fmt: skip
COST: Final = Metric("otel_llm.cost", "counter", "{USD}", "Cost of GenAI operations.", _SOURCE)

# Client metrics, by the conventions' newest names: docs/gen-ai/client-inference.md at commit 024a4f9 and
# docs/gen-ai/gen-ai-token-metrics.md at 066d4a7. What replaces what:
# docs/gen-ai/non-normative/migration.md at 32c328e.
INFERENCE_DURATION: Final = Metric(
    "gen_ai.client.inference.duration", "histogram", "s",
    "Duration of a GenAI inference.", (*_CLIENT, ERROR_TYPE), _SECONDS,
)  # fmt: skip
INFERENCE_TIME_TO_FIRST_CHUNK: Final = Metric(
    "gen_ai.client.inference.time_to_first_chunk", "histogram", "s",
    TIME_TO_FIRST_CHUNK.description, _CLIENT, _SECONDS,
)  # fmt: skip
INFERENCE_TIME_PER_OUTPUT_CHUNK: Final = Metric(
    "gen_ai.client.inference.time_per_output_chunk", "histogram", "s",
    TIME_PER_OUTPUT_CHUNK.description, _CLIENT, _SECONDS,
)  # fmt: skip
INFERENCE_INPUT_TOKENS: Final = Metric(
    "gen_ai.client.inference.operation.input_tokens", "histogram", "{token}",
    "Number of input tokens of an inference.", (*_CLIENT, ERROR_TYPE), _TOKENS,
)  # fmt: skip
INFERENCE_OUTPUT_TOKENS: Final = Metric(
    "gen_ai.client.inference.operation.output_tokens", "histogram", "{token}",
    "Number of output tokens of an inference.", (*_CLIENT, ERROR_TYPE), _TOKENS,
)  # fmt: skip
USED_INPUT_TOKENS: Final = Metric(
    "gen_ai.client.inference.usage.input_tokens", "counter", "{token}",
    "Input tokens used, cached ones included.", (*_CLIENT, TOKEN_MODALITY),
)  # fmt: skip
USED_OUTPUT_TOKENS: Final = Metric(
    "gen_ai.client.inference.usage.output_tokens", "counter", "{token}",
    "Output tokens used, reasoning included.", (*_CLIENT, TOKEN_MODALITY),
)  # fmt: skip
USED_CACHE_READ_TOKENS: Final = Metric(
    "gen_ai.client.inference.usage.cache_read.input_tokens", "counter", "{token}",
    "Input tokens read from the provider's cache.", (*_CLIENT, TOKEN_MODALITY),
)  # fmt: skip
USED_CACHE_WRITE_TOKENS: Final = Metric(
    "gen_ai.client.inference.usage.cache_write.input_tokens", "counter", "{token}",
    "Input tokens written to the provider's cache.", (*_CLIENT, TOKEN_MODALITY),
)  # fmt: skip
USED_REASONING_TOKENS: Final = Metric(
    "gen_ai.client.inference.usage.reasoning.output_tokens", "counter", "{token}",
    "Output tokens used for reasoning.", (*_CLIENT, TOKEN_MODALITY),
)  # fmt: skip


class Measured(NamedTuple):
    """What one measurement of a call is recorded as."""

    deployed: tuple[Metric, ...]
    """By the names that today's instrumentations emit."""
    newest: tuple[Metric, ...]
    """By the conventions' newest names, of an inference."""
    newest_beside_inference: tuple[Metric, ...] = ()
    """By the newest names, of any other operation: there are few."""


MeasurementName = Literal[
    "duration", "first_chunk", "output_chunk", "input_tokens", "output_tokens", "cache_read_tokens",
    "cache_write_tokens", "reasoning_tokens", "cost",
]  # fmt: skip
CLIENT_METRICS: Final[Mapping[MeasurementName, Measured]] = MappingProxyType({
    "duration": Measured((OPERATION_DURATION,), (INFERENCE_DURATION,), (OPERATION_DURATION,)),
    "first_chunk": Measured((TIME_TO_FIRST_CHUNK,), (INFERENCE_TIME_TO_FIRST_CHUNK,)),
    "output_chunk": Measured((TIME_PER_OUTPUT_CHUNK,), (INFERENCE_TIME_PER_OUTPUT_CHUNK,)),
    "input_tokens": Measured((TOKEN_USAGE,), (INFERENCE_INPUT_TOKENS, USED_INPUT_TOKENS)),
    "output_tokens": Measured((TOKEN_USAGE,), (INFERENCE_OUTPUT_TOKENS, USED_OUTPUT_TOKENS)),
    "cache_read_tokens": Measured((), (USED_CACHE_READ_TOKENS,)),
    "cache_write_tokens": Measured((), (USED_CACHE_WRITE_TOKENS,)),
    "reasoning_tokens": Measured((), (USED_REASONING_TOKENS,)),
    "cost": Measured((COST,), (COST,), (COST,)),
})  # fmt: skip
"""What the instrumentation measures of a call."""
TEXT_INFERENCES: Final = frozenset({"chat", "generate_content", TEXT_COMPLETION})
"""The conventions' operations in which a model generates something."""
INFERENCES: Final = TEXT_INFERENCES | {
    GENERATE_IMAGE, EDIT_IMAGE, VARY_IMAGE, GENERATE_SPEECH, TRANSCRIBE_AUDIO, TRANSLATE_AUDIO,
}  # fmt: skip
"""The same, and ours on media."""

# The model server's metrics.
SERVER_REQUEST_DURATION: Final = Metric(
    "gen_ai.server.request.duration", "histogram", "s",
    "Duration of a request to the model server.", (OPERATION, PROVIDER, REQUEST_MODEL, ERROR_TYPE), _SECONDS,
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
    (*_SOURCE, LABEL_EVALUATOR, LABEL_TARGET, LABEL_LABEL),
)  # fmt: skip
EVALUATION_SCORE: Final = Metric(
    "otel_llm.evaluation.score", "histogram", "{score}",
    "Score: the probability of what the evaluator is named for.",
    (*_SOURCE, LABEL_EVALUATOR, LABEL_TARGET), _SCORES,
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
PASSED_LATE: Final = Metric(
    "otel_llm.inline.late", "counter", "{request}", "Requests passed on before their evaluation ended.", (),
)  # fmt: skip
REFUSALS: Final = Metric(
    "otel_llm.receiver.refusals", "counter", "{refusal}",
    "Requests, or spans, log records and data points of them, that were refused.", (LABEL_REASON,),
)  # fmt: skip
DEAD_LETTERS: Final = Metric("otel_llm.dead_letters.file", "counter", "{letter}", "Dead letters.", (LABEL_STAGE,))

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

METRICS: Final = tuple(value for value in list(globals().values()) if isinstance(value, Metric))


def prometheus_label(attribute: str) -> str:
    """Return an attribute's label name in Prometheus: `service.name` is `service_name`."""
    return attribute.replace(".", "_")
