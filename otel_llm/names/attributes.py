"""Attributes of spans, events and log records, and labels of metrics."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

# Operations: the values of gen_ai.operation.name.
CHAT: Final = "chat"
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
REQUEST_TOP_K: Final = "gen_ai.request.top_k"
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
USAGE_CACHE_CREATION_INPUT_TOKENS: Final = "gen_ai.usage.cache_creation.input_tokens"
USAGE_CACHE_WRITE_INPUT_TOKENS: Final = "gen_ai.usage.cache_write.input_tokens"  # its newest name
USAGE_REASONING_OUTPUT_TOKENS: Final = "gen_ai.usage.reasoning.output_tokens"
USAGE_TEXT_INPUT_TOKENS: Final = "gen_ai.usage.text.input_tokens"
USAGE_AUDIO_INPUT_TOKENS: Final = "gen_ai.usage.audio.input_tokens"
USAGE_IMAGE_INPUT_TOKENS: Final = "gen_ai.usage.image.input_tokens"
USAGE_TEXT_OUTPUT_TOKENS: Final = "gen_ai.usage.text.output_tokens"
USAGE_AUDIO_OUTPUT_TOKENS: Final = "gen_ai.usage.audio.output_tokens"
USAGE_IMAGE_OUTPUT_TOKENS: Final = "gen_ai.usage.image.output_tokens"
USAGE_COST: Final = "gen_ai.usage.cost"  # ours, USD; absent when the price is unknown
USAGE_COST_SOURCE: Final = "otel_llm.usage.cost.source"  # ours: own | provider | list; only beside a cost
DEPLOYED_ATTRIBUTES: Final = MappingProxyType({USAGE_CACHE_WRITE_INPUT_TOKENS: USAGE_CACHE_CREATION_INPUT_TOKENS})
"""Attributes whose newest name no backend of today reads, with the name that they read.

Source: Phoenix 20.26.1, Langfuse and opentelemetry-semantic-conventions 0.66b2 have the older names; the newer are
in semantic-conventions-genai, docs/gen-ai/non-normative/migration.md at 32c328e.
"""
OPENAI_RESPONSE_SERVICE_TIER: Final = "openai.response.service_tier"
ERROR_TYPE: Final = "error.type"

# Spans of other instrumentations: what they are about.
OPENINFERENCE_KIND: Final = "openinference.span.kind"
OPENINFERENCE_MODEL: Final = "llm.model_name"
OPENINFERENCE_OUTPUT_TOKENS: Final = "llm.token_count.completion"
OPENLLMETRY_REQUEST_TYPE: Final = "llm.request.type"

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
EVALUATION_READ: Final = "otel_llm.evaluation.read"  # with the label partial: 30 of 181 sentences read
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
LABEL_DIALECT: Final = "dialect"
LABEL_ATTRIBUTE: Final = "attribute"
GPU_ID: Final = "hw.id"
GPU_MODEL: Final = "hw.model"
LABEL_STAGE: Final = "stage"  # decode | evaluate | forward | events
