"""OTLP as bytes: requests, their items, spans and log records, read only as far as they are needed."""
