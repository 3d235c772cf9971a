"""Values that the app sets with `otel_llm.context`, and the ways by which they reach its calls."""
