"""OpenInference: its instrumentation of OpenAI's client, and its tracer around a retriever and a tool."""

from openai_calls import answer, make_calls
from openinference.instrumentation import OITracer, TraceConfig, using_attributes
from openinference.instrumentation.openai import OpenAIInstrumentor
from openinference.semconv.trace import SpanAttributes
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

DOCUMENT = "Llamas are domesticated camelids of South America."

provider = TracerProvider(resource=Resource({"service.name": "captured"}))
provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)
OpenAIInstrumentor().instrument(tracer_provider=provider)
tracer = OITracer(provider.get_tracer("captured"), config=TraceConfig())


@tracer.tool(name="weather", description="The weather in a city.")
def weather(city: str) -> str:
    """Return the weather."""
    return f"rainy in {city}"


make_calls()
with (
    using_attributes(
        session_id="session-1",
        user_id="user-1",
        prompt_template="What is a {animal}?",
        prompt_template_version="3",
        prompt_template_variables={"animal": "llama"},
    ),
    tracer.start_as_current_span("rag", openinference_span_kind="chain"),
):
    weather("Paris")
    with tracer.start_as_current_span("retrieve", openinference_span_kind="retriever") as span:
        span.set_input("What is a llama?")
        span.set_attribute(f"{SpanAttributes.RETRIEVAL_DOCUMENTS}.0.document.content", DOCUMENT)
        span.set_attribute(f"{SpanAttributes.RETRIEVAL_DOCUMENTS}.0.document.score", 0.9)
        span.set_attribute(f"{SpanAttributes.RETRIEVAL_DOCUMENTS}.1.document.content", "Alpacas are smaller.")
    answer(DOCUMENT)
provider.shutdown()
