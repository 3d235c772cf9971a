"""Metrics of the calls that an application makes."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from otel_llm.names.attributes import (
    EDIT_IMAGE,
    ERROR_TYPE,
    GENERATE_IMAGE,
    GENERATE_SPEECH,
    OPERATION,
    PROVIDER,
    REQUEST_MODEL,
    RESPONSE_MODEL,
    SERVER_ADDRESS,
    SERVER_PORT,
    SERVICE_NAME,
    TEXT_COMPLETION,
    TOKEN_MODALITY,
    TOKEN_TYPE,
    TRANSCRIBE_AUDIO,
    TRANSLATE_AUDIO,
    VARY_IMAGE,
)
from otel_llm.names.metric import DURATION_BUCKETS_S, SOURCE_LABELS, Metric

# GenAI metrics conventions, gen_ai.client.token.usage
_TOKENS: Final = (
    1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864,
)  # fmt: skip
_CLIENT: Final = (
    SERVICE_NAME, OPERATION, PROVIDER, REQUEST_MODEL, RESPONSE_MODEL, SERVER_ADDRESS, SERVER_PORT,
)  # fmt: skip

# Client metrics, by the names that today's instrumentations emit.
OPERATION_DURATION: Final = Metric(
    "gen_ai.client.operation.duration", "histogram", "s",
    "Duration of a GenAI operation.", (*_CLIENT, ERROR_TYPE), DURATION_BUCKETS_S,
)  # fmt: skip
TIME_TO_FIRST_CHUNK: Final = Metric(
    "gen_ai.client.operation.time_to_first_chunk", "histogram", "s",
    "Time from the request to the first chunk of a streamed response.", _CLIENT, DURATION_BUCKETS_S,
)  # fmt: skip
TIME_PER_OUTPUT_CHUNK: Final = Metric(
    "gen_ai.client.operation.time_per_output_chunk", "histogram", "s",
    "Time between two chunks of a streamed response, after the first.", _CLIENT, DURATION_BUCKETS_S,
)  # fmt: skip
TOKEN_USAGE: Final = Metric(
    "gen_ai.client.token.usage", "histogram", "{token}",
    "Number of input and output tokens of an operation.", (*_CLIENT, TOKEN_TYPE), _TOKENS,
)  # fmt: skip
COST: Final = Metric("otel_llm.cost", "counter", "{USD}", "Cost of GenAI operations.", SOURCE_LABELS)

# Client metrics, by the conventions' newest names: docs/gen-ai/client-inference.md at commit 024a4f9 and
# docs/gen-ai/gen-ai-token-metrics.md at 066d4a7. What replaces what:
# docs/gen-ai/non-normative/migration.md at 32c328e.
INFERENCE_DURATION: Final = Metric(
    "gen_ai.client.inference.duration", "histogram", "s",
    "Duration of a GenAI inference.", (*_CLIENT, ERROR_TYPE), DURATION_BUCKETS_S,
)  # fmt: skip
INFERENCE_TIME_TO_FIRST_CHUNK: Final = Metric(
    "gen_ai.client.inference.time_to_first_chunk", "histogram", "s",
    TIME_TO_FIRST_CHUNK.description, _CLIENT, DURATION_BUCKETS_S,
)  # fmt: skip
INFERENCE_TIME_PER_OUTPUT_CHUNK: Final = Metric(
    "gen_ai.client.inference.time_per_output_chunk", "histogram", "s",
    TIME_PER_OUTPUT_CHUNK.description, _CLIENT, DURATION_BUCKETS_S,
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
    """The metrics that record one measurement of a call."""

    deployed: tuple[Metric, ...]
    """Metrics with the names that today's instrumentations emit."""
    newest: tuple[Metric, ...]
    """Metrics of an inference, with the conventions' newest names."""
    newest_beside_inference: tuple[Metric, ...] = ()
    """Metrics of other operations, with the newest names: the conventions have few."""


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
"""The measurements of a call."""
TEXT_INFERENCES: Final = frozenset({"chat", "generate_content", TEXT_COMPLETION})
"""The conventions' operations in which a model generates something."""
INFERENCES: Final = TEXT_INFERENCES | {
    GENERATE_IMAGE, EDIT_IMAGE, VARY_IMAGE, GENERATE_SPEECH, TRANSCRIBE_AUDIO, TRANSLATE_AUDIO,
}  # fmt: skip
"""The same, and ours on media."""
