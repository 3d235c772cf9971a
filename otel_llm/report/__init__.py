"""Results out: OTLP events, Prometheus metrics, the live feed."""
