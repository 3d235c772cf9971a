"""The evaluation service, `otel-llm collector`: what arrives over OTLP is kept, evaluated, reported, sent on.

receivers -> admit -> queue -> take -> handle -> evaluation -> events
                                         |            |
                                         +--(inline)--+-> forward -> next receiver

Order of the modules: background, flow, processes < running, debug_state < stages < assembly, settings_check,
start_warnings < command.
"""

import os

# read when gRPC is imported: else each TLS handshake that fails is a line of its own between those of the log
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
