"""A program with otel-llm and another instrumentation, in .venv-others: prints its spans and metrics as JSON.

Arguments: the other instrumentation, and "first" if otel-llm is switched on before it, or "last".
"""

import asyncio
import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

import openai
from in_process import COMPLETION, chunk, client_for, httpx, transport
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import otel_llm
from otel_llm.instrument.setup import flush

MODEL = "gpt-4o-mini"
MESSAGES = [{"role": "user", "content": "Hello?"}]
USAGE = chunk({}, usage=COMPLETION["usage"]) | {"choices": []}
STREAM = [
    chunk({"role": "assistant", "content": "Hel"}),
    chunk({"content": "lo."}),
    chunk({}, finish_reason="stop"),
    USAGE,
]

spans, points = InMemorySpanExporter(), InMemoryMetricReader()


def set_up(library: str) -> None:
    if library == "logfire":
        import logfire

        logfire.configure(
            send_to_logfire=False,
            console=False,
            additional_span_processors=[SimpleSpanProcessor(spans)],
            metrics=logfire.MetricsOptions(additional_readers=[points]),
        )
        return
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    trace.set_tracer_provider(provider)
    metrics.set_meter_provider(MeterProvider([points]))


def genai() -> None:
    from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor

    OpenAIInstrumentor().instrument()


def openllmetry() -> None:
    from opentelemetry.instrumentation.openai import OpenAIInstrumentor

    OpenAIInstrumentor().instrument()


def openllmetry_langchain() -> None:
    from opentelemetry.instrumentation.langchain import LangchainInstrumentor

    LangchainInstrumentor().instrument()


def openinference() -> None:
    from openinference.instrumentation.openai import OpenAIInstrumentor

    OpenAIInstrumentor().instrument()


def logfire() -> None:
    import logfire

    logfire.instrument_openai()


def pydantic_ai() -> None:
    from pydantic_ai import Agent

    Agent.instrument_all()


OTHERS: Mapping[str, Callable[[], None]] = {
    each.__name__: each
    for each in (genai, openllmetry, openllmetry_langchain, openinference, logfire, pydantic_ai)
}


def call_openai() -> None:
    client_for(COMPLETION).chat.completions.create(model=MODEL, messages=MESSAGES)
    asked = {"stream": True, "stream_options": {"include_usage": True}}
    for _ in client_for(STREAM).chat.completions.create(model=MODEL, messages=MESSAGES, **asked):
        pass


def call_langchain() -> None:
    from langchain_openai import ChatOpenAI

    for answer in (COMPLETION, STREAM):
        http = httpx.Client(transport=transport(answer))
        model = ChatOpenAI(model=MODEL, api_key="none", http_client=http, stream_usage=True)
        for _ in [model.invoke("Hello?")] if answer is COMPLETION else model.stream("Hello?"):
            pass


def call_pydantic_ai() -> None:
    from pydantic_ai import Agent
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    def agent(answer: Any) -> Any:
        http = httpx.AsyncClient(transport=transport(answer))
        client = openai.AsyncOpenAI(api_key="none", max_retries=0, http_client=http)
        return Agent(OpenAIChatModel(MODEL, provider=OpenAIProvider(openai_client=client)))

    async def ask() -> None:
        await agent(COMPLETION).run("Hello?")
        async with agent(STREAM).run_stream("Hello?") as result:
            async for _ in result.stream_text():
                pass

    asyncio.run(ask())


CALLS = {"pydantic_ai": call_pydantic_ai, "openllmetry_langchain": call_langchain}


def main(library: str, order: str) -> None:
    set_up(library)
    if order == "first":
        otel_llm.instrument(sdk=False)
    OTHERS[library]()
    if order == "last":
        otel_llm.instrument(sdk=False)
    with trace.get_tracer("app").start_as_current_span("app"):
        CALLS.get(library, call_openai)()
    flush(10)
    data = points.get_metrics_data()
    counted = [
        {
            "scope": scope.scope.name,
            "name": metric.name,
            "sum": point.sum if hasattr(point, "sum") else point.value,
        }
        for resource in (data.resource_metrics if data else ())
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in metric.data.data_points
    ]
    ended = [
        {"scope": span.instrumentation_scope.name, "name": span.name, "attributes": dict(span.attributes)}
        for span in spans.get_finished_spans()
        if span.name != "app"
    ]
    print(json.dumps({"spans": ended, "metrics": counted}, default=str))


if __name__ == "__main__":
    main(*sys.argv[1:])
