"""How a call failed, as its span and its metric say."""

from opentelemetry.trace import StatusCode

from otel_llm import names


def failed_as(exported):
    """Return the kind of error of the one call, which span and metric agree on."""
    span = exported.span
    (duration,) = exported.points(names.OPERATION_DURATION.name)
    kind = span.attributes.get(names.ERROR_TYPE)
    assert duration.attributes.get(names.ERROR_TYPE) == kind
    assert span.status.status_code is (StatusCode.UNSET if kind is None else StatusCode.ERROR)
    return kind
