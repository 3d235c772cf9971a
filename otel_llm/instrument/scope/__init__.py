"""What the app says of its calls with `otel_llm.context`, and how it reaches them."""
