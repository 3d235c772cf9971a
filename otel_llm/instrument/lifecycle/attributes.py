"""A call's fields as the attributes of its span; where nothing was said, there is no attribute."""

from __future__ import annotations

from opentelemetry.util.types import AttributeValue

from otel_llm import names
from otel_llm.instrument.contract.data import Modalities, Request, Response, Usage


def shared_attributes(request: Request) -> dict[str, AttributeValue]:
    """Return what samplers see at the start, which is what the metrics are labelled with."""
    attributes: dict[str, AttributeValue] = {
        names.OPERATION: request.endpoint.operation,
        names.PROVIDER: request.provider,
    }
    if request.model:
        attributes[names.REQUEST_MODEL] = request.model
    if request.address:
        attributes[names.SERVER_ADDRESS] = request.address
    if request.port:
        attributes[names.SERVER_PORT] = request.port
    return attributes


def set_outcome(
    attributes: dict[str, AttributeValue], response: Response, first_chunk_s: float | None, error_type: str | None
) -> None:
    """Set what is known of a call when it has ended."""
    if response.id:
        attributes[names.RESPONSE_ID] = response.id
    if response.model:
        attributes[names.RESPONSE_MODEL] = response.model
    if response.finish_reasons:
        attributes[names.RESPONSE_FINISH_REASONS] = response.finish_reasons
    if first_chunk_s is not None:
        attributes[names.RESPONSE_TIME_TO_FIRST_CHUNK] = first_chunk_s
    if error_type is not None:
        attributes[names.ERROR_TYPE] = error_type
    if response.usage is not None:
        _set_usage(attributes, response.usage)
    if response.attributes is not None:
        attributes.update(response.attributes)


def _set_usage(attributes: dict[str, AttributeValue], usage: Usage) -> None:
    if usage.input_tokens is not None:
        attributes[names.USAGE_INPUT_TOKENS] = usage.input_tokens
    if usage.output_tokens is not None:
        attributes[names.USAGE_OUTPUT_TOKENS] = usage.output_tokens
    if usage.cache_read_tokens is not None:
        attributes[names.USAGE_CACHE_READ_INPUT_TOKENS] = usage.cache_read_tokens
    if usage.cache_write_tokens is not None:
        attributes[names.USAGE_CACHE_WRITE_INPUT_TOKENS] = usage.cache_write_tokens
    if usage.reasoning_tokens is not None:
        attributes[names.USAGE_REASONING_OUTPUT_TOKENS] = usage.reasoning_tokens
    if usage.modalities is not None:
        _set_modalities(attributes, usage.modalities)


def _set_modalities(attributes: dict[str, AttributeValue], modalities: Modalities) -> None:
    counts = (
        (names.USAGE_TEXT_INPUT_TOKENS, modalities.input_text_tokens),
        (names.USAGE_AUDIO_INPUT_TOKENS, modalities.input_audio_tokens),
        (names.USAGE_IMAGE_INPUT_TOKENS, modalities.input_image_tokens),
        (names.USAGE_TEXT_OUTPUT_TOKENS, modalities.output_text_tokens),
        (names.USAGE_AUDIO_OUTPUT_TOKENS, modalities.output_audio_tokens),
        (names.USAGE_IMAGE_OUTPUT_TOKENS, modalities.output_image_tokens),
    )
    attributes.update({name: count for name, count in counts if count is not None})
