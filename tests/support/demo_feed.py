"""Lines of the service's feed of calls, as the demo reads them."""


def feed_line(**changes):
    """Return one line; every field can be changed."""
    return {
        "trace_id": "0" * 31 + "1",
        "span_id": "0" * 15 + "1",
        "service": "help-desk",
        "operation": "chat",
        "provider": "openai",
        "model": "scripted",
        "input": "When do you open?",
        "output": "At nine.",
        "input_tokens": 120,
        "output_tokens": 8,
        "cost_usd": 0.0000076,
        "start_ns": 1_800_000_000_500_000_000,
        "duration_s": 0.5,
        "time_to_first_chunk_s": 0.1,
        "stream": True,
        "error_type": None,
        "results": [result("toxicity", "input", "pass", 0.01)],
        "drift": [],
    } | changes


def result(evaluator, target, label, score):
    return {"evaluator": evaluator, "target": target, "label": label, "score": score, "explanation": None}


def drift(*, statistic, threshold=0.4, alarm=False, target="input"):
    return {
        "service": "help-desk",
        "detector": "centroid",
        "target": target,
        "baseline": "first-24",
        "count": 12,
        "window": 12,
        "statistic": statistic,
        "threshold": threshold,
        "alarm": alarm,
    }
