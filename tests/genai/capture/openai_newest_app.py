"""OpenAI's client with the instrumentation that is named: OpenLLMetry's or OpenInference's."""

import sys

from openai import OpenAI
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

CARD = "My card is 4539 1488 0343 6467. Is it valid?"
POST = {
    "type": "function",
    "function": {
        "name": "http_post",
        "description": "Post a card number.",
        "parameters": {
            "type": "object",
            "properties": {"card": {"type": "string"}, "password": {"type": "string"}},
        },
    },
}

provider = TracerProvider(resource=Resource.create({"service.name": "captured"}))
provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter()))
if sys.argv[1] == "openllmetry":
    from opentelemetry.instrumentation.openai import OpenAIInstrumentor
else:
    from openinference.instrumentation.openai import OpenAIInstrumentor
OpenAIInstrumentor().instrument(tracer_provider=provider)

client = OpenAI(max_retries=0)
chat = client.chat.completions
asked = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": CARD}]
chat.create(model="scripted", messages=asked)
for _ in chat.create(model="scripted", messages=asked, stream=True, stream_options={"include_usage": True}):
    pass
client.responses.create(model="scripted", instructions="Be brief.", input=CARD)
pay = {"role": "user", "content": "Pay the bill."}
called = chat.create(model="scripted", messages=[pay], tools=[POST]).choices[0].message
[call] = called.tool_calls
chat.create(
    model="scripted",
    messages=[
        pay,
        {"role": "assistant", "content": None, "tool_calls": [call.model_dump()]},
        {"role": "tool", "tool_call_id": call.id, "content": "Accepted. Receipt to anna.berger@posteo.net."},
        {"role": "user", "content": "Finish."},
    ],
)
provider.shutdown()
