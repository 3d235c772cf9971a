"""The patches of Stainless' clients, and the common readers of their requests and results.

All calls over HTTP, from any helper (`create`, `parse`, `stream`, `with_raw_response`, a copy by `with_options`),
pass through the method `request` of the two base clients. There the body is as it will be sent, without omitted
arguments, and retries happen inside.
"""

from __future__ import annotations

import abc
import platform
import sys
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from otel_llm.instrument.clients.stainless.raw_responses import parsed, raw
from otel_llm.instrument.clients.stainless.streams import is_stream, streamed
from otel_llm.instrument.contract.client import LlmClient, Patch, Server, Servers
from otel_llm.instrument.contract.data import Endpoint, Request
from otel_llm.instrument.lifecycle.telemetry import CallTelemetry, InstrumentedPatch
from otel_llm.instrument.lifecycle.wrap import wrap, wrap_async, wrap_retry, wrap_retry_async

_RAW_RESPONSE = "X-Stainless-Raw-Response"


def patches(package: str) -> tuple[InstrumentedPatch, ...]:
    """Return the patches of a client whose package has this name."""
    base = f"{package}._base_client"
    return (
        Patch(base, "SyncAPIClient", "request", wrap),
        Patch(base, "AsyncAPIClient", "request", wrap_async),
        # called inside `request`, before each attempt except the first
        Patch(base, "SyncAPIClient", "_sleep_for_retry", wrap_retry),
        Patch(base, "AsyncAPIClient", "_sleep_for_retry", wrap_retry_async),
    )


def options_of(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """Return the options of `request(self, cast_to, options, *, …)`."""
    return args[2] if len(args) > 2 else kwargs["options"]


class StainlessClient(LlmClient[CallTelemetry]):
    """A client that Stainless generated."""

    endpoints: ClassVar[Mapping[str, Endpoint]]
    """The instrumented endpoints by path."""

    @abc.abstractmethod
    def server_of(self, client: Any, servers: Servers) -> Server:
        """Return the server of a client object of the library."""

    def model_asked(self, server: Server, client: Any, path: str, body: Mapping[str, Any]) -> str | None:
        """Return the model that a request asks for."""
        model = body.get("model")
        return str(model) if model else None

    def read_request(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], servers: Servers) -> Request | None:
        """Return the request in `request(self, cast_to, options, *, …)`; None if the endpoint is unknown."""
        options = options_of(args, kwargs)
        endpoint = self.endpoints.get(options.url)
        if endpoint is None or options.method != "post":
            return None
        body = options.json_data
        if not isinstance(body, Mapping):
            body = {}
        if options.extra_json:
            body = {**body, **options.extra_json}
        client = args[0]
        server = self.server_of(client, servers)
        headers = options.headers
        request = Request(
            endpoint=endpoint,
            provider=server.provider,
            model=self.model_asked(server, client, options.url, body),
            address=server.address,
            port=server.port,
            body=body,
            stream=bool(kwargs.get("stream")),
            reads_body=isinstance(headers, Mapping) and headers.get(_RAW_RESPONSE) == "stream",
        )
        if callable(options.post_parser):
            options.post_parser = _keeping(request, options.post_parser)
        return request

    def read_result(self, result: Any, request: Request) -> Any:
        """Return the result of `request`: an object, a stream, or a raw response with either."""
        read = result
        # not hasattr, which takes 20 µs for a missing attribute of a pydantic object
        if "http_response" in getattr(result, "__dict__", {}):
            if request.reads_body:
                return raw(result)
            read = parsed(result)
        return streamed(read, given=result) if is_stream(read) else read

    def prepare(self) -> None:
        """Ask for the platform, where gevent runs.

        The client asks for the platform with its first request, and Python starts a child process for that, once.
        If several greenlets ask at the same time, the children run the app's greenlets too, and fork in turn
        without end: the SDK's hooks, which run after a fork, wait for threads (opentelemetry-sdk 1.45,
        `_get_process_dependent_resource`).
        """
        if "gevent" in sys.modules:
            platform.platform()


def _keeping(request: Request, post_parser: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return the last step of `parse`; it also keeps its response, which is paid for even if the step fails."""

    def parse(response: Any) -> Any:
        request.received = response
        return post_parser(response)

    return parse
