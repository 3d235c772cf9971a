#!/usr/bin/env bash
# pydantic-ai-slim 2.68.0 with InstrumentationSettings(include_content=False): the attributes gen_ai.input.messages and
# gen_ai.output.messages are still there, with text parts that have no `content`. The conventions' schema of these attributes requires
# `content` in a text part, so a reader that keeps to the schema refuses each call of such an application, instead of seeing a call
# without content.
#
# Seen: "with: [{'type': 'text', 'content': 'Hi'}]", "without: [{'type': 'text'}]".
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pydantic-ai-slim==2.68.0 opentelemetry-sdk==1.45.2

"$folder/venv/bin/python" - <<'PY'
import json

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic_ai import Agent
from pydantic_ai.models.instrumented import InstrumentationSettings
from pydantic_ai.models.test import TestModel

exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))


def input_parts(include_content):
    exporter.clear()
    Agent.instrument_all(InstrumentationSettings(tracer_provider=provider, include_content=include_content))
    Agent(TestModel(call_tools=[])).run_sync("Hi")
    (chat,) = (span for span in exporter.get_finished_spans() if span.name.startswith("chat"))
    (message,) = json.loads(chat.attributes["gen_ai.input.messages"])
    return message["parts"]


found = (input_parts(True), input_parts(False))
print(f"with: {found[0]}")
print(f"without: {found[1]}")
assert found == ([{"type": "text", "content": "Hi"}], [{"type": "text"}]), found
PY
