"""Values that the app sets with `otel_llm.context`, and their ways to its calls."""
