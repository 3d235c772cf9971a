"""Calls and results as the pipeline hands them over."""

from typing import Any

from otel_llm.evaluate.definition.result import DriftState, Result
from otel_llm.genai.call import Call, Message, Part, Usage


def call(**fields: Any) -> Call:
    return Call(
        **{
            "trace_id": "0af7651916cd43dd8448eb211c80319c",
            "span_id": "b7ad6b7169203331",
            "service": "shop",
            "operation": "chat",
            "provider": "openai",
            "request_model": "gpt-4o",
            "response_id": "chatcmpl-1",
            "input": (Message("user", (Part("text", "What?"),)),),
            "output": (Message("assistant", (Part("text", "That."),)),),
            "usage": Usage(input_tokens=5, output_tokens=3, cost_usd=0.25),
            "start_ns": 1_700_000_000_000_000_000,
            "duration_s": 1.5,
            **fields,
        }
    )


def result(**fields: Any) -> Result:
    return Result(
        **{
            "call": call(),
            "evaluator": "toxicity",
            "version": "1.2",
            "target": "output",
            "label": "pass",
            "score": 0.25,
            **fields,
        }
    )


def drift_state(**fields: Any) -> DriftState:
    return DriftState(
        **{
            "service": "shop",
            "detector": "centroid",
            "target": "input",
            "baseline": "first-200",
            "count": 100,
            "window": 100,
            "statistic": 0.75,
            "threshold": 0.5,
            **fields,
        }
    )
