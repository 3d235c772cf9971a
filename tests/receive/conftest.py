from support.running_service import pipeline, running, shared, sink

__all__ = ["pipeline", "running", "shared", "sink"]
