"""otel-llm's own instrumentation: run it with `otel-llm run`."""

from openai_calls import make_calls

make_calls()
