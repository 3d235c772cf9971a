"""The content of calls, and its way to spans, events and uploads."""
