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
    """Return how the body is read of a response whose body the app reads by itself."""
    http_response = response.http_response
    media_type = http_response.headers.get("content-type", "")
    return Raw(media_type, functools.partial(listen, http_response), _reader(response))


def parsed(response: Any) -> Any:
    """Return the client's own object for a response that has come, the same that the app's own `parse()` gives.

    Unread, where the client cannot read the response: the app's own `parse()` fails in the same way.
    """
    if inspect.iscoroutinefunction(response.parse):
        return _outcome(response.parse())
    try:
        result = response.parse()
    except Exception:
        return Unread()
    return result


def _outcome(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Return what a coroutine returns that has nothing to wait for: its body has come, or is a stream's."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    except Exception:
        return Unread()
    coroutine.close()
    raise RuntimeError("the response has not come yet")


def _reader(response: Any) -> Any:
    """Return what turns a body's data into the client's own object, as its own streams do."""
    streams = response._is_sse_stream and response._stream_cls is not None
    if streams:
        streaming = importlib.import_module(f"{type(response).__module__.partition('.')[0]}._streaming")
        kind = streaming.extract_stream_chunk_type(response._stream_cls)
    else:
        kind = response._cast_to
    process = response._client._process_response_data
    raw = response.http_response
    # named in errors alone; the response itself would be held by what it holds
    like = type(raw)(raw.status_code, headers=raw.headers, request=raw.request)
    return lambda data: process(data=data, cast_to=kind, response=like)
