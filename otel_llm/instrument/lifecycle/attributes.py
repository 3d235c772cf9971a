"""A call's fields as the attributes of its span. A field without a value gives no attribute."""

from __future__ import annotations

from opentelemetry.util.types import AttributeValue

from otel_llm import names
from otel_llm.instrument.contract.data import Request, Response


def shared_attributes(request: Request) -> dict[str, AttributeValue]:
    """Return the attributes that samplers see at the start. They are also the labels of the metrics."""
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
    """Set the attributes that are known when a call has ended."""
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
        for unit, count in response.usage.counts.items():
            if count is not None and unit.attribute is not None:
                attributes[unit.attribute] = count
    if response.attributes is not None:
        attributes.update(response.attributes)
