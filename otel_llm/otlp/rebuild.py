"""Replaces spans or log records of a request, and leaves all else as it came."""

from __future__ import annotations

from collections.abc import Mapping

from otel_llm.otlp.requests import read_request, scopes


def rebuild(body: bytes, replace: Mapping[int, bytes | None]) -> bytes:
    """Return the request with some items replaced or removed.

    Everything else keeps all its fields, also unknown ones. A scope that loses its last item stays.

    Args:
        body: an ExportTraceServiceRequest or ExportLogsServiceRequest: both have their items at the same numbers.
        replace: new bytes by the number of the span or record in the request; None removes it.

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
