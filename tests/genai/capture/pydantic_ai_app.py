"""pydantic-ai with its own instrumentation: answers with a tool and as a stream, with and without content."""

import asyncio
import os
import sys

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from pydantic_ai import Agent, InstrumentationSettings, ToolReturn
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

provider = TracerProvider(resource=Resource.create({"service.name": "captured"}))
provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter()))
model = OpenAIChatModel(
    "scripted", provider=OpenAIProvider(base_url=os.environ["OPENAI_BASE_URL"], api_key="none")
)
agent = Agent(model, instructions="Be brief.", name="helper")
Agent.instrument_all(InstrumentationSettings(tracer_provider=provider, include_content="content" in sys.argv))


@agent.tool_plain
def weather(city: str) -> ToolReturn:
    """The weather in a city."""
    # the scripted model answers to what the user says last
    return ToolReturn(f"It is rainy in {city}.", content="Finish.")


async def main() -> None:
    await agent.run("My card is 4539 1488 0343 6467. Is it valid?")
    await agent.run("Weather in Berlin?")
    async with agent.run_stream("My card is 4539 1488 0343 6467. Is it valid?") as stream:
        async for _ in stream.stream_text():
            pass


asyncio.run(main())
provider.shutdown()
