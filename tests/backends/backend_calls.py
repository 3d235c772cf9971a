"""Calls of the real client, instrumented, whose spans go to a backend by OTLP over HTTP."""

import contextlib
import importlib.util
import json
import urllib.request
from pathlib import Path
from typing import Any

import openai
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

import otel_llm
from otel_llm.instrument.setup import flush

spec = importlib.util.spec_from_file_location(
    "in_process", Path(__file__).parents[1] / "instrument" / "in_process.py"
)
in_process = importlib.util.module_from_spec(spec)
spec.loader.exec_module(in_process)

MODEL = "gpt-4o-mini"
MESSAGES = [{"role": "system", "content": "Be short."}, {"role": "user", "content": "Hello?"}]
USAGE = {
    "prompt_tokens": 100,
    "completion_tokens": 5,
    "total_tokens": 105,
    "prompt_tokens_details": {"cached_tokens": 40, "cache_write_tokens": 10},
    "completion_tokens_details": {"reasoning_tokens": 2},
}
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
TOOL_CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}}


def answer(message: dict[str, Any], finish_reason: str = "stop") -> dict[str, Any]:
    choice = {"index": 0, "finish_reason": finish_reason, "message": {"role": "assistant", **message}}
    return {**in_process.COMPLETION, "usage": USAGE, "choices": [choice]}


def call_and_export(url: str, *, content: bool, project: str) -> None:
    """Make three calls: one that answers, one that asks for a tool, one that fails; export their spans."""
    resource = Resource.create({"service.name": project, "openinference.project.name": project})
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(endpoint=f"{url}/v1/traces")))
    otel_llm.instrument(tracer_provider=provider, meter_provider=MeterProvider(), capture_content=content)
    try:
        with otel_llm.context(user="u-1", conversation="conv-7", documents=["Rome is in Italy."]):
            ask(answer({"content": "Hello."}))
            ask(answer({"content": None, "tool_calls": [TOOL_CALL]}, "tool_calls"), tools=[TOOL])
            refused = openai.OpenAI(api_key="none", base_url="http://127.0.0.1:1", max_retries=0)
            with refused, contextlib.suppress(openai.APIConnectionError):
                refused.chat.completions.create(model=MODEL, messages=MESSAGES)
        assert flush(10)
    finally:
        otel_llm.uninstrument()
        provider.shutdown()


def ask(reply: dict[str, Any], **options: Any) -> None:
    with in_process.client_for(reply) as client:
        client.chat.completions.create(model=MODEL, messages=MESSAGES, **options)


def get_json(url: str, body: Any = None) -> Any:
    """Return the answer to a GET, or to a POST of the body."""
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(url, data=data, headers={"content-type": "application/json"})
    with urllib.request.urlopen(asked, timeout=30) as response:
        return json.load(response)
