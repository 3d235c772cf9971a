"""What runs no model loads none: neither weights, nor the libraries that they run on."""

import json
import subprocess
import sys

from otel_llm.evaluate.definition.installed import encoder_manifest
from otel_llm.evaluate.engine.shared_encoder import SharedEncoder

MODEL_LIBRARIES = {"numpy", "onnxruntime", "tokenizers"}

PROGRAM = """
import json, sys
import otel_llm.service.command
from otel_llm.config.evaluate import DriftSettings, EvaluateSettings
from otel_llm.evaluate.run.pipeline import Pipeline
from support.calls import call_with

evaluators, drift = json.loads(sys.argv[1])
pipeline = Pipeline.load(EvaluateSettings(evaluators=evaluators, drift=DriftSettings(enabled=drift)))
results = pipeline.evaluate([call_with(question="Write to ann.lee@corp.com", number=1)]).results
print(json.dumps([sorted(sys.modules), [[r.evaluator, r.target, r.label] for r in results]]))
"""


def evaluated(*evaluators: str, drift: bool = False) -> tuple[set[str], list[list[str]]]:
    """Return which modules a process of its own has, once it has evaluated a call, and the results."""
    command = [sys.executable, "-c", PROGRAM, json.dumps([evaluators, drift])]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, cwd="tests")
    modules, results = json.loads(answer.stdout)
    return set(modules), results


def test_no_evaluator_needs_no_model_library():
    modules, results = evaluated()
    assert (modules & MODEL_LIBRARIES, results) == (set(), [])


def test_evaluators_by_rules_need_no_model_library():
    modules, results = evaluated("pii", "secrets")
    assert modules & MODEL_LIBRARIES == set()
    assert ["pii", "input", "fail"] in results
    assert len(results) == 4


def test_drift_alone_has_its_encoder_before_the_first_call():
    modules, results = evaluated(drift=True)
    assert (modules & MODEL_LIBRARIES, results) == (MODEL_LIBRARIES, [])


def test_texts_are_encoded_although_no_manifest_announced_them(encoder):
    shared = SharedEncoder(encoder_manifest("minilm_l6_v2"), threads=1, providers=("CPUExecutionProvider",))
    assert shared.encode([]) == {}
    found = shared.encode(text for text in ("Hello", "Hello"))
    assert list(found) == ["Hello"]
    assert (found["Hello"].pooled == encoder.encode(["Hello"])["Hello"].pooled).all()
    shared.close()
