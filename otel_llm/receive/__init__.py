"""OTLP arrives over gRPC or HTTP, is checked, and is handed to the queue.

    http | grpc -> Intake.admit (security, in_flight) -> body -> Intake.take (otlp.screen) -> Sink.put -> answer

Order of the modules: refusal, tls < refusal_log, in_flight, security, replay_header < sink < intake < grpc | http.
"""
