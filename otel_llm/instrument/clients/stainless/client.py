"""The patches of Stainless' clients, and the common reading of their requests and results.

All calls over HTTP, whatever helper they come from (`create`, `parse`, `stream`, `with_raw_response`, a copy by
`with_options`), pass through the one `request` method of the two base clients, with the request's body as it goes
out: there, omitted arguments are gone, and the retries are inside.
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
    """Return the patches of a client, by the name of its package."""
    base = f"{package}._base_client"
    return (
        Patch(base, "SyncAPIClient", "request", wrap),
        Patch(base, "AsyncAPIClient", "request", wrap_async),
        # called before each attempt but the first, inside `request`
        Patch(base, "SyncAPIClient", "_sleep_for_retry", wrap_retry),
        Patch(base, "AsyncAPIClient", "_sleep_for_retry", wrap_retry_async),
    )


def options_of(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """Return the options of `request(self, cast_to, options, *, …)`."""
    return args[2] if len(args) > 2 else kwargs["options"]


class StainlessClient(LlmClient[CallTelemetry]):
    """One client of this kind."""

    endpoints: ClassVar[Mapping[str, Endpoint]]
    """The endpoints that are instrumented, by their paths."""

    @abc.abstractmethod
    def server_of(self, client: Any, servers: Servers) -> Server:
        """Return the server of a client object of the library."""

    def model_asked(self, server: Server, client: Any, path: str, body: Mapping[str, Any]) -> str | None:
        """Return the model that a request is made to."""
        model = body.get("model")
        return str(model) if model else None

    def read_request(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], servers: Servers) -> Request | None:
        """Return the request of `request(self, cast_to, options, *, …)`, if it is one of ours."""
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
        """Return what `request` gave: a response's object, a stream, or either behind a raw response."""
        read = result
        # not hasattr: on an object of pydantic that takes 20 µs to say no
        if "http_response" in getattr(result, "__dict__", {}):
            if request.reads_body:
                return raw(result)
            read = parsed(result)
        return streamed(read, given=result) if is_stream(read) else read

    def prepare(self) -> None:
        """Ask for the platform, where gevent runs.

        The client asks for it with its first request, and Python asks a child process, once. Asked by greenlets at
        the same time, the children run the app's greenlets too, and fork in turn without end: the SDK's hooks,
        which run after a fork, wait for threads (opentelemetry-sdk 1.45, `_get_process_dependent_resource`).
        """
        if "gevent" in sys.modules:
            platform.platform()


def _keeping(request: Request, post_parser: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return the last step of `parse`, keeping the response that it is given: paid for, though the step fails."""

    def parse(response: Any) -> Any:
        request.received = response
        return post_parser(response)

    return parse
