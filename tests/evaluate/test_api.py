"""The one module that the code of an evaluator imports."""

import json
import subprocess
import sys

import pytest

from otel_llm.evaluate import api

# what third parties build on: a name that goes, or changes its meaning, breaks them
SURFACE = [
    "CHARACTERS_PER_TOKEN",
    "COMMAND_MARK",
    "Call",
    "Encoder",
    "Encoding",
    "EvaluatedPart",
    "Evaluator",
    "EvaluatorManifest",
    "Finder",
    "FinderOptions",
    "Finding",
    "FloatArray",
    "IntArray",
    "Label",
    "Message",
    "MissingExtraError",
    "ModelError",
    "Part",
    "Piece",
    "Place",
    "Read",
    "Result",
    "Rule",
    "Rules",
    "SECRET_LABEL",
    "Span",
    "Target",
    "TargetText",
    "Window",
    "Words",
    "any_of",
    "bounded",
    "card",
    "check",
    "coverage",
    "encoder_manifest",
    "entropy",
    "error_results",
    "find_cards",
    "find_command_secrets",
    "find_emails",
    "find_ibans",
    "find_labelled_secrets",
    "find_phones",
    "in_one_form",
    "in_order",
    "is_placeholder",
    "latin_lookalikes",
    "listed",
    "load_evaluators",
    "log_odds",
    "luhn",
    "overlap",
    "passages",
    "places_of",
    "probability",
    "probe",
    "read_of",
    "read_tokenizer",
    "reads_a_secret",
    "remembering",
    "score_result",
    "sentences",
    "session",
    "shortened",
    "table_columns",
    "target_text",
    "target_texts",
    "without_overlaps",
    "words",
]


def test_the_surface_is_as_it_was():
    assert sorted(api.__all__) == SURFACE


@pytest.mark.parametrize("name", SURFACE)
def test_every_name_is_there(name):
    assert getattr(api, name) is not None


def test_a_name_that_is_not_there_is_said_so():
    with pytest.raises(AttributeError, match=r"'otel_llm\.evaluate\.api' has no attribute 'Verdict'"):
        _ = api.Verdict


def test_names_that_need_a_model_library_are_loaded_late():
    program = (
        "import json, sys\nfrom otel_llm.evaluate import api\nbefore = sorted(sys.modules)\n"
        "api.Encoding\nprint(json.dumps([before, sorted(sys.modules)]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    before, after = map(set, json.loads(done.stdout))
    assert before & {"numpy", "onnxruntime", "tokenizers"} == set()
    assert after & {"numpy", "onnxruntime", "tokenizers"} == {"numpy"}
