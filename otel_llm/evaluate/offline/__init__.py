"""The same evaluators over a file of answers: `otel-llm evaluate` and `otel_llm.evaluate()`."""
