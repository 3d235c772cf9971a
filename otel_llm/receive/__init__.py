"""OTLP in, GenAI calls out, whatever dialect the spans are written in."""
