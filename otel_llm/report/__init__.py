"""Results out: OTLP events, Prometheus metrics, the live feed, the debug page, own traces."""
