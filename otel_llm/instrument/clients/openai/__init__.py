"""The `openai` client, 2.x and 3.x.

All its calls over HTTP, whatever helper they come from (`create`, `parse`, `stream`, `with_raw_response`, a copy
by `with_options`), pass through the one `request` method of its two base clients, with the request's body as it
goes out: there, omitted arguments are gone, and the retries are inside. What one endpoint's fields mean is in the
module named for it; `endpoints.py` lists them. The Realtime API is no HTTP and has its own module, `realtime.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from otel_llm.instrument.clients.openai.endpoints import ENDPOINTS
from otel_llm.instrument.clients.openai.realtime import PATCHES as REALTIME_PATCHES
from otel_llm.instrument.clients.openai.server import model_asked, server_of
from otel_llm.instrument.contract.client import Patch, Servers
from otel_llm.instrument.contract.data import Request
from otel_llm.instrument.contract.results import Raw, Streamed, Unread
from otel_llm.instrument.lifecycle.wrap import wrap, wrap_async, wrap_retry, wrap_retry_async

_BASE: Final = "openai._base_client"


class OpenAIClient:
    """Where the client is patched, and how its fields are read."""

    name: Final = "openai"
    majors: Final = range(2, 4)
    patches: Final = (
        Patch(_BASE, "SyncAPIClient", "request", wrap),
        Patch(_BASE, "AsyncAPIClient", "request", wrap_async),
        # called before each attempt but the first, inside `request`
        Patch(_BASE, "SyncAPIClient", "_sleep_for_retry", wrap_retry),
        Patch(_BASE, "AsyncAPIClient", "_sleep_for_retry", wrap_retry_async),
        *REALTIME_PATCHES,
    )

    def read_request(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], servers: Servers) -> Request | None:
        """Return the request of `request(self, cast_to, options, *, …)`, if it is one of ours."""
        options = args[2] if len(args) > 2 else kwargs["options"]
        endpoint = ENDPOINTS.get(options.url)
        if endpoint is None or options.method != "post":
            return None
        body = options.json_data
        if not isinstance(body, Mapping):
            body = {}
        if options.extra_json:
            body = {**body, **options.extra_json}
        server = server_of(args[0], servers)
        request = Request(
            endpoint=endpoint,
            provider=server.provider,
            model=model_asked(server, options.url, body.get("model")),
            address=server.address,
            port=server.port,
            body=body,
            stream=bool(kwargs.get("stream")),
        )
        if callable(options.post_parser):
            options.post_parser = _keeping(request, options.post_parser)
        return request

    def read_result(self, result: Any) -> Any:
        """Return what `request` gave: a response's object, a stream, or either behind a raw response."""
        held = getattr(result, "__dict__", {})  # not hasattr: on an object of pydantic that takes 20 µs to say no
        if "http_response" in held:
            if type(result).__name__ != "LegacyAPIResponse":
                return Raw(result.http_response, _reader(result))  # with_streaming_response
            try:
                result = result.parse()  # with_raw_response keeps it: the app's own parse() gives the same object
            except Exception:  # or fails in the same way
                return Unread()
            held = getattr(result, "__dict__", {})
        return Streamed(result) if "_iterator" in held else result


CLIENT: Final = OpenAIClient()


def _keeping(request: Request, post_parser: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return the last step of `parse`, keeping the response that it is given: paid for, though the step fails."""

    def parse(response: Any) -> Any:
        request.received = response
        return post_parser(response)

    return parse


def _reader(response: Any) -> Any:
    """Return what turns a body's data into the client's own object, as its own streams do."""
    from openai._streaming import extract_stream_chunk_type  # noqa: PLC0415 - the client's, and imported by now

    streams = response._is_sse_stream and response._stream_cls is not None
    kind = extract_stream_chunk_type(response._stream_cls) if streams else response._cast_to
    process = response._client._process_response_data
    raw = response.http_response
    # named in errors alone; the response itself would be held by what it holds
    like = type(raw)(raw.status_code, headers=raw.headers, request=raw.request)
    return lambda data: process(data=data, cast_to=kind, response=like)
