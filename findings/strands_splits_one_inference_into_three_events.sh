#!/usr/bin/env bash
# strands-agents 1.62.0 with OTEL_SEMCONV_STABILITY_OPT_IN=gen_ai_latest_experimental: the conventions' event
# gen_ai.client.inference.operation.details holds all of one inference. strands writes three span events of that name onto each `chat`
# span, each with one attribute: the system instructions, the input, the output. A reader that takes the first event sees no message.
# The agent's span, which is no inference, has events of that name too, so a reader that takes them from any span counts the
# question and the answer twice.
#
# Seen: "chat: ['gen_ai.system_instructions'], ['gen_ai.input.messages'], ['gen_ai.output.messages']",
# "invoke_agent: ['gen_ai.input.messages'], ['gen_ai.output.messages']".
# The model is a stand-in in the process, a subclass of strands' `Model`.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet strands-agents==1.62.0

unset "${!OTEL_@}"
export OTEL_SEMCONV_STABILITY_OPT_IN=gen_ai_latest_experimental
"$folder/venv/bin/python" - <<'PY'
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from strands import Agent
from strands.models import Model

EVENT = "gen_ai.client.inference.operation.details"
exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)


class Greeting(Model):
    def update_config(self, **_):
        pass

    def get_config(self):
        return {"model_id": "greeting"}

    async def structured_output(self, *_, **__):
        raise NotImplementedError
        yield

    async def stream(self, *_, **__):
        yield {"messageStart": {"role": "assistant"}}
        yield {"contentBlockStart": {"start": {}}}
        yield {"contentBlockDelta": {"delta": {"text": "Hello"}}}
        yield {"contentBlockStop": {}}
        yield {"messageStop": {"stopReason": "end_turn"}}
        usage = {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5}
        yield {"metadata": {"usage": usage, "metrics": {"latencyMs": 1}}}


Agent(model=Greeting(), callback_handler=None, system_prompt="Be brief")("Hi")
spans = {span.attributes.get("gen_ai.operation.name"): span for span in exporter.get_finished_spans()}


def events(operation):
    return [dict(event.attributes) for event in spans[operation].events if event.name == EVENT]


found = {operation: [list(event) for event in events(operation)] for operation in ("chat", "invoke_agent")}
for operation, keys in found.items():
    print(f"{operation}: {', '.join(map(str, keys))}")
messages = [["gen_ai.input.messages"], ["gen_ai.output.messages"]]
assert found == {"chat": [["gen_ai.system_instructions"], *messages], "invoke_agent": messages}, found
PY
