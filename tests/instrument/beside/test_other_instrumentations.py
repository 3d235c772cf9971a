"""Real instrumentations of others beside otel-llm, in both orders: one GenAI span and one token count a call.

Each program makes one call and one stream, of 10 input and 5 output tokens each.
"""

import json
import os
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from support.require import require

from otel_llm import names

ROOT = Path(__file__).parents[3]
PYTHON = ROOT / ".venv-others" / "bin" / "python"
TOKENS = names.TOKEN_USAGE.name
LIBRARIES = ["genai", "openllmetry", "openllmetry_langchain", "openinference", "logfire", "pydantic_ai"]
ORDERS = ["first", "last"]
both_orders = pytest.mark.parametrize("order", ORDERS)


@dataclass
class Telemetry:
    """The spans and metrics of a program."""

    spans: list[dict]
    metrics: list[dict]

    @property
    def inferences(self) -> list[dict]:
        """The spans of calls of a model, without agents and logs."""
        return [
            span
            for span in self.spans
            if span["attributes"].get(names.OPERATION) == "chat"
            or span["attributes"].get(names.OPENINFERENCE_KIND) == "LLM"
        ]

    def total(self, name: str) -> float:
        """The sum over all scopes."""
        return sum(point["sum"] for point in self.metrics if point["name"] == name)


@cache
def run(library: str, order: str) -> Telemetry:
    require(PYTHON.exists(), "an environment with other instrumentations", "make others")
    command = [PYTHON, Path(__file__).with_name("program.py"), library, order]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return Telemetry(**json.loads(done.stdout.splitlines()[-1]))


@both_orders
@pytest.mark.parametrize("library", LIBRARIES)
def test_the_tokens_of_each_call_are_counted_once(library, order):
    telemetry = run(library, order)
    assert telemetry.total(TOKENS) == 30
    assert telemetry.total(names.COST.name) == pytest.approx(2 * (10 * 0.15 + 5 * 0.6) / 1e6)


@both_orders
@pytest.mark.parametrize("library", sorted(set(LIBRARIES) - {"logfire"}))
def test_each_call_has_one_span_which_is_the_others(library, order):
    inferences = run(library, order).inferences
    assert len(inferences) == 2
    assert "otel_llm" not in {span["scope"] for span in inferences}


@both_orders
@pytest.mark.parametrize("library", ["genai", "openllmetry", "openinference", "pydantic_ai"])
def test_the_others_span_has_what_we_know(library, order):
    inferences = [span["attributes"] for span in run(library, order).inferences]
    costs = [attributes[names.USAGE_COST] for attributes in inferences]
    assert costs == [pytest.approx((10 * 0.15 + 5 * 0.6) / 1e6)] * 2
    assert sum(names.RESPONSE_TIME_TO_FIRST_CHUNK in attributes for attributes in inferences) == 1


@both_orders
def test_logfires_own_span_of_a_stream_ends_with_the_request_and_its_log_has_the_tokens(order):
    inferences = run("logfire", order).inferences  # the first call's span may wait for its cost
    assert sorted((names.USAGE_COST in each["attributes"], each["name"][:9]) for each in inferences) == [
        (False, "Chat Comp"),
        (False, "streaming"),
        (True, "Chat Comp"),
    ]
    assert sum(names.USAGE_OUTPUT_TOKENS in each["attributes"] for each in inferences) == 2
