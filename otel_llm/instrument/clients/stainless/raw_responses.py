"""The results of `with_raw_response` and `with_streaming_response` of Stainless' clients."""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Coroutine
from typing import Any

from otel_llm.instrument.contract.results import Raw, Unread
from otel_llm.instrument.lifecycle.httpx_tap import listen


def raw(response: Any) -> Raw:
    """Return the reader for a response whose body the app itself reads."""
    http_response = response.http_response
    media_type = http_response.headers.get("content-type", "")
    return Raw(media_type, functools.partial(listen, http_response), _reader(response))


def parsed(response: Any) -> Any:
    """Return the client's own object for a complete response, as the app's own `parse()` returns it.

    Unread if the client cannot read the response: the app's own `parse()` fails in the same way.
    """
    if inspect.iscoroutinefunction(response.parse):
        return _outcome(response.parse())
    try:
        result = response.parse()
    except Exception:
        return Unread()
    return result


def _outcome(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Return the result of a coroutine that need not wait: its body is here, or is a stream's."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    except Exception:
        return Unread()
    coroutine.close()
    raise RuntimeError("the response has not come yet")


def _reader(response: Any) -> Any:
    """Return a function that turns a body's data into the client's own object, as the client's streams do."""
    streams = response._is_sse_stream and response._stream_cls is not None
    if streams:
        streaming = importlib.import_module(f"{type(response).__module__.partition('.')[0]}._streaming")
        kind = streaming.extract_stream_chunk_type(response._stream_cls)
    else:
        kind = response._cast_to
    process = response._client._process_response_data
    raw = response.http_response
    # used in error messages alone; the response itself would make a cycle of references
    like = type(raw)(raw.status_code, headers=raw.headers, request=raw.request)
    return lambda data: process(data=data, cast_to=kind, response=like)
