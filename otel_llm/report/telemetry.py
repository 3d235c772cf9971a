"""The service's own port: metrics, health, and the live feed."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from otel_llm.report.feed import Feed
from otel_llm.report.metrics import ServiceMetrics


class Telemetry:
    """The ASGI application behind the telemetry port."""

    def __init__(self, metrics: ServiceMetrics, feed: Feed | None) -> None:
        """Serve `/metrics` and `/healthz`, and with a feed `/debug/calls`."""
        self.ready = False
        """What `/healthz` says: whether models are loaded and receivers listen."""
        self._metrics = metrics
        self._feed = feed
        self.app = Starlette(
            routes=[
                Route("/metrics", self._expose),
                Route("/healthz", self._health),
                Route("/debug/calls", self._calls),
            ]
        )

    async def _expose(self, request: Request) -> Response:
        body, content_type = self._metrics.expose(request.headers.get("accept", ""))
        return Response(body, headers={"content-type": content_type})

    async def _health(self, _: Request) -> Response:
        return PlainTextResponse("ready\n") if self.ready else PlainTextResponse("not ready\n", 503)

    async def _calls(self, _: Request) -> Response:
        if self._feed is None:
            return PlainTextResponse("the feed of calls is off: turn it on with --debug-calls\n", 404)
        # subscribed before the answer begins, so that a reader who has seen its head misses no call
        subscription = self._feed.subscribe()
        return StreamingResponse(aiter(subscription), media_type="application/x-ndjson")
