"""The evaluation service, `otel-llm collector`: what arrives over OTLP is kept, evaluated, reported, sent on.

receivers -> sink -> queue -> consumer -> evaluation -> events
                                 |             |
                                 v             v
                               joins        onward (inline) -> next receiver
"""

import os

# read when gRPC is imported: else each TLS handshake that fails is a line of its own between those of the log
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
