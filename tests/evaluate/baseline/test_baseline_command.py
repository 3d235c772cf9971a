"""`otel-llm baseline build`: from a file of texts to a reference that the service reads."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from otel_llm.cli import group
from otel_llm.config.evaluate import EvaluateSettings
from otel_llm.errors import ConfigError, RecordError
from otel_llm.evaluate.definition.installed import encoder_manifest
from otel_llm.evaluate.drift.baseline import read_baseline
from otel_llm.evaluate.drift.detector import features
from otel_llm.evaluate.engine.encoder import Encoder
from otel_llm.evaluate.run.pipeline_parts import check_baseline

THINGS = ("lamp", "chair", "table", "shirt", "phone", "book", "pan", "bag")
TEXTS = [f"How do I return the {thing} that I bought?" for thing in THINGS]


def build(*arguments):
    return CliRunner().invoke(group, ["baseline", "build", *map(str, arguments)])


@pytest.fixture
def texts(tmp_path):
    path = tmp_path / "texts.jsonl"
    lines = [{"input": text, "output": f"{text} Yes."} for text in [*TEXTS, TEXTS[0]]]
    path.write_text("\n".join(json.dumps(line) for line in [*lines, {"input": None}, {"input": "  "}]))
    return path


def test_the_texts_of_a_file_become_the_reference(texts, tmp_path):
    done = build(texts, "--output", tmp_path / "june.npz")
    assert (done.exit_code, done.output) == (0, f"{tmp_path}/june.npz: 8 texts of 'input', named june\n")
    manifest = encoder_manifest("minilm_l6_v2")
    reference = read_baseline(tmp_path / "june.npz", manifest)
    encodings = Encoder(manifest).encode(TEXTS)
    assert reference.name == "june"
    assert np.allclose(reference.rows, features(np.stack([encodings[text].pooled for text in TEXTS])), atol=1e-6)
    check_baseline(EvaluateSettings.model_validate({"drift": {"baseline": tmp_path / "june.npz"}}))
    assert b"lamp" not in (tmp_path / "june.npz").read_bytes()


def test_the_other_side_and_a_name(texts, tmp_path):
    done = build(texts, "--output", tmp_path / "answers", "--side", "output", "--name", "good week")
    assert done.output == f"{tmp_path}/answers: 8 texts of 'output', named good week\n"
    assert read_baseline(tmp_path / "answers", encoder_manifest("minilm_l6_v2")).name == "good week"


@pytest.mark.parametrize(
    ("lines", "error", "message"),
    [
        (['{"input": "a"}'], ConfigError, "must hold at least 8 different texts of 'input', got 1"),
        (['{"input": 3}'], RecordError, "line 1: input: must be a text, got int"),
        (["3"], RecordError, "line 1: must be an object, got 3"),
        (["input,output", "a,b"], RecordError, "line 1: this looks like CSV"),
    ],
)
def test_what_is_no_file_of_texts_is_refused(tmp_path, lines, error, message):
    path = tmp_path / "texts.jsonl"
    path.write_text("\n".join(lines))
    done = build(path, "--output", tmp_path / "june.npz")
    assert isinstance(done.exception, error)
    assert str(done.exception).startswith(f"{path}: {message}")
    assert not (tmp_path / "june.npz").exists()


def test_files_that_cannot_be_read_or_written_are_named(texts, tmp_path):
    done = build(tmp_path / "nothing", "--output", tmp_path / "june.npz")
    assert f"{tmp_path}/nothing: must be a file that can be read: No such file" in str(done.exception)
    done = build(texts, "--output", tmp_path / "no folder" / "june.npz")
    assert f"--output: {tmp_path}/no folder/june.npz cannot be written: No such file" in str(done.exception)
