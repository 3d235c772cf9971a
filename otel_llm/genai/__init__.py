"""A GenAI call as data, whatever dialect its span is written in."""
