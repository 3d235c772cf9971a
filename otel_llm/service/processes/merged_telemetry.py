"""The telemetry port of several processes: the answers of their own ports, merged."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final, Self

import httpx
from prometheus_client import Metric
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from otel_llm.report.debug_page import SECURITY_HEADERS
from otel_llm.service.processes.child_process import ChildProcess
from otel_llm.service.processes.merged_calls import MergedCalls
from otel_llm.service.processes.merged_metrics import OPENMETRICS, about_processes, expose, merge, read_page
from otel_llm.service.processes.merged_page import index_page

_TIMEOUT_S: Final = 2
"""Seconds that a process has to answer; a scrape takes 10 s at most by Prometheus' default."""

_log: Final = logging.getLogger(__name__)


class MergedTelemetry:
    """The ASGI application behind the telemetry port. Use as an async context manager."""

    def __init__(self, processes: Sequence[ChildProcess], *, calls: bool) -> None:
        """Serve /metrics, /healthz, /readyz, /livez, /debug and /debug.json, and with `calls` /debug/calls."""
        self._processes = processes
        self._calls = MergedCalls(processes) if calls else None
        logging.getLogger("httpx").setLevel(logging.WARNING)  # httpx logs each request at level info
        # the processes are on this machine: a proxy of the environment must not be used
        self._client = httpx.AsyncClient(trust_env=False, timeout=None)  # noqa: S113 - each request has its own
        self.app = Starlette(
            routes=[
                Route("/metrics", self._metrics),
                Route("/healthz", self._health),
                Route("/readyz", self._health),
                Route("/livez", self._alive),
                Route("/debug", self._debug),
                Route("/debug.json", self._debug_json),
                Route("/debug/calls", self._live_calls),
            ]
        )

    async def __aenter__(self) -> Self:
        """Return this."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections to the processes."""
        self.end_calls()
        await self._client.aclose()

    def end_calls(self) -> None:
        """End every stream of calls."""
        if self._calls:
            self._calls.end()

    async def _metrics(self, request: Request) -> Response:
        answers = await self._ask_all("/metrics", accept=OPENMETRICS)
        restarts = {process.index: process.restarts for process in self._processes}
        # a thread reads the pages: with many labels they are megabytes
        body, content_type = await asyncio.to_thread(_merged, answers, restarts, request.headers.get("accept", ""))
        return Response(body, headers={"content-type": content_type})

    async def _health(self, request: Request) -> Response:
        """Answer 200 if every process does, else 503; the body has the answer of each."""
        answers = await self._ask_all(request.url.path)
        found = [
            {
                "process": process.index,
                "state": process.state,
                "ready": answer is not None and answer.is_success,
                "answer": None if answer is None else _content(answer),
            }
            for process, answer in zip(self._processes, answers, strict=True)
        ]
        ready = all(each["ready"] for each in found)
        return JSONResponse({"ready": ready, "processes": found}, 200 if ready else 503)

    async def _alive(self, request: Request) -> Response:
        """Answer 503 if a process says that it cannot go on, else 200: a process that died is started again."""
        answers = await self._ask_all(request.url.path)
        for process, answer in zip(self._processes, answers, strict=True):
            if answer is not None and not answer.is_success:
                return PlainTextResponse(f"process {process.index}: {answer.text.strip()}\n", 503)
        return PlainTextResponse("live\n")

    async def _debug(self, request: Request) -> Response:
        """Return the index, or with `?process=0` the page of process 0."""
        asked = request.query_params.get("process")
        if asked is None:
            return HTMLResponse(index_page(self._processes), headers=SECURITY_HEADERS)
        process = next((each for each in self._processes if str(each.index) == asked), None)
        if process is None:
            return PlainTextResponse(f"process must be from 0 to {len(self._processes) - 1}\n", 404)
        answer = await self._ask(process, "/debug")
        if answer is None:
            return PlainTextResponse(f"process {process.index} does not answer: it is {process.state}\n", 503)
        headers = {**SECURITY_HEADERS, "content-type": answer.headers.get("content-type", "text/plain")}
        return Response(answer.content, answer.status_code, headers)

    async def _debug_json(self, _: Request) -> Response:
        answers = await self._ask_all("/debug.json")
        states = [
            {
                "process": process.index,
                "state": process.state,
                "pid": process.pid,
                "restarts": process.restarts,
                "last_exit": process.last_exit,
                "service": _content(answer) if answer is not None and answer.is_success else None,
            }
            for process, answer in zip(self._processes, answers, strict=True)
        ]
        return JSONResponse({"processes": states}, headers=SECURITY_HEADERS)

    async def _live_calls(self, _: Request) -> Response:
        if self._calls is None:
            return PlainTextResponse("the feed of calls is off: turn it on with --debug-calls\n", 404)
        return await self._calls.stream()

    async def _ask_all(self, path: str, **headers: str) -> list[httpx.Response | None]:
        """Return the answers in the order of the processes; None for a process without an answer."""
        return await asyncio.gather(*(self._ask(process, path, **headers) for process in self._processes))

    async def _ask(self, process: ChildProcess, path: str, **headers: str) -> httpx.Response | None:
        if process.telemetry is None:
            return None
        try:
            async with asyncio.timeout(_TIMEOUT_S):  # in all: the client's own timeouts are per step
                return await self._client.get(process.telemetry + path, headers=headers)
        except (httpx.HTTPError, TimeoutError) as error:
            _log.warning(
                "process %d does not answer to %s: %s", process.index, path, type(error).__name__,
                extra={"process_index": process.index},
            )  # fmt: skip
            return None


def _merged(
    answers: Sequence[httpx.Response | None], restarts: Mapping[int, int], accept: str
) -> tuple[bytes, str]:
    pages = [_page(process, answer) for process, answer in zip(restarts, answers, strict=True)]
    up = {process: page is not None for process, page in zip(restarts, pages, strict=True)}
    return expose([*about_processes(up, restarts), *merge(page for page in pages if page)], accept)


def _page(process: int, answer: httpx.Response | None) -> list[Metric] | None:
    """Return the families of a process's page; None if there is no page that can be read."""
    if answer is None or not answer.is_success:
        return None
    try:
        return read_page(process, answer.text)
    except ValueError as error:
        _log.error(
            "the metrics of process %d cannot be read: %s", process, error, extra={"process_index": process}
        )
        return None


def _content(answer: httpx.Response) -> Any:
    """Return the body of an answer: JSON as its value, anything else as text."""
    if answer.headers.get("content-type", "").startswith("application/json"):
        return answer.json()
    return answer.text.strip()
