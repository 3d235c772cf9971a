"""The telemetry port of the service: metrics, health, the debug page, and the live feed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from otel_llm.report.debug_page import SECURITY_HEADERS, State, page
from otel_llm.report.live_feed import LiveFeed
from otel_llm.report.metrics import ServiceMetrics


class ServiceTelemetry:
    """The ASGI application behind the telemetry port.

        not ready ──models loaded, receivers listen──▶ ready ──stop──▶ not ready

    The service sets the fields below; requests read them in the event loop.
    """

    def __init__(self, metrics: ServiceMetrics, feed: LiveFeed | None) -> None:
        """Serve metrics, health and the debug page, and with a feed `/debug/calls`."""
        self.ready = False
        """True while models are loaded and receivers listen, until the service stops."""
        self.inspect: Callable[[], State] = dict
        """Returns the state for the debug page."""
        self.refusal: Callable[[], str | None] = lambda: None
        """Returns why requests are refused now; None while they are taken."""
        self.threads: Sequence[threading.Thread] = ()
        """Threads without which the service does not work."""
        self._metrics = metrics
        self._feed = feed
        self.app = Starlette(
            routes=[
                Route("/metrics", self._expose),
                Route("/livez", self._live),
                Route("/readyz", self._ready),
                Route("/healthz", self._health),
                Route("/debug", self._debug),
                Route("/debug.json", self._debug_json),
                Route("/debug/calls", self._calls),
            ]
        )

    async def _expose(self, request: Request) -> Response:
        body, content_type = self._metrics.expose(request.headers.get("accept", ""))
        return Response(body, headers={"content-type": content_type})

    async def _live(self, _: Request) -> Response:
        dead = [thread.name for thread in self.threads if not thread.is_alive()]
        if dead:
            return PlainTextResponse(f"ended, and must not have: {', '.join(dead)}\n", 503)
        return PlainTextResponse("live\n")

    async def _health(self, _: Request) -> Response:
        return PlainTextResponse("ready\n") if self.ready else PlainTextResponse("not ready\n", 503)

    async def _ready(self, _: Request) -> Response:
        """Answer 200 if the service takes requests: not while it starts, stops, or has no room."""
        reason = self.refusal() if self.ready else "it starts, or ends"
        return JSONResponse({"ready": reason is None, "reason": reason}, 200 if reason is None else 503)

    async def _debug(self, _: Request) -> Response:
        return HTMLResponse(page("otel-llm collector", self.inspect()), headers=SECURITY_HEADERS)

    async def _debug_json(self, _: Request) -> Response:
        return JSONResponse(self.inspect(), headers=SECURITY_HEADERS)

    async def _calls(self, _: Request) -> Response:
        if self._feed is None:
            return PlainTextResponse("the feed of calls is off: turn it on with --debug-calls\n", 404)
        # subscribe before the answer begins: a reader that has seen the header misses no call
        subscription = self._feed.subscribe()
        return StreamingResponse(aiter(subscription), media_type="application/x-ndjson")
