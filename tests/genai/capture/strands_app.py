"""strands-agents with its own spans: an answer, and an agent with a tool that is handed a card number."""

import os

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from strands import Agent, ToolContext, tool
from strands.models.openai import OpenAIModel

provider = TracerProvider(resource=Resource.create({"service.name": "captured"}))
provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)  # strands takes the global one
model = OpenAIModel(
    client_args={"base_url": os.environ["OPENAI_BASE_URL"], "api_key": "none", "max_retries": 0},
    model_id="scripted",
)


@tool(context=True)
def http_post(card: str, password: str, tool_context: ToolContext) -> str:
    """Post a card number."""
    # the scripted model answers to what the user says last: the next message of the user ends the loop
    tool_context.agent.cancel(after_current_tools=True)
    return "Accepted. Receipt to anna.berger@posteo.net."


Agent(model=model, system_prompt="Be brief.", callback_handler=None)(
    "My card is 4539 1488 0343 6467. Is it valid?"
)
agent = Agent(model=model, system_prompt="Be brief.", tools=[http_post], callback_handler=None)
agent("Pay the bill.")
agent("Finish.")
provider.shutdown()
