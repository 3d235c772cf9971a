"""The evaluation service, `otel-llm collector`: what arrives over OTLP is kept, evaluated, reported, sent on.

receivers -> sink -> queue -> consumer -> evaluation -> events
                                 |             |
                                 v             v
                               joins        onward (inline) -> next receiver
"""
