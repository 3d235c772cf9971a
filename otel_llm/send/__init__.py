"""OTLP leaves the service: clients try once, a sender joins, splits and tries again."""
