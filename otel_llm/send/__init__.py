"""How OTLP leaves the service: clients that try once, and a sender that joins, splits and tries again."""
