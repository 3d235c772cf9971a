"""A request of traces or logs with some of its spans or log records replaced, and all else as it came."""

from __future__ import annotations

from collections.abc import Mapping

from otel_llm.otlp.requests import read_request, scopes


def rebuild(body: bytes, replace: Mapping[int, bytes | None]) -> bytes:
    """Return the request with other items at those places.

    What is not replaced keeps all its fields, also those that no schema knows. A scope that loses its last item
    stays.

    Args:
        body: an ExportTraceServiceRequest or an ExportLogsServiceRequest: their spans and records lie alike.
        replace: by the number of the span or record, in their order, its new bytes; None leaves it out.

    Raises:
        DecodeError: the body is no such request.
    """
    if not replace:
        return body
    request = read_request("traces", body)
    first = 0
    for scope in scopes(request):
        items = list(scope.items)
        new = (replace.get(number, item) for number, item in enumerate(items, first))
        scope.items[:] = [item for item in new if item is not None]
        first += len(items)
    rebuilt: bytes = request.SerializeToString()
    return rebuilt
