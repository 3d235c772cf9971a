"""Prompt injection: orders to the model from texts that should give none."""
