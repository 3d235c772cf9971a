"""`otel-llm models` without torch: what is listed, what is checked, what is refused."""

import json
import shutil
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from otel_llm.errors import ChecksumError, ConfigError, MissingExtraError, ParityError, RecordError
from otel_llm.evaluate.definition import manifest
from otel_llm.evaluate.definition.installed import encoder_manifest, evaluator_manifests
from otel_llm.evaluate.kinds.loading import chosen_manifests
from otel_llm.models.command import command
from otel_llm.models.folder import licence_found, write_manifest
from otel_llm.models.parity import Parity, rank_correlation
from otel_llm.models.texts import read_calls

ENCODER = encoder_manifest("minilm_l6_v2").folder


def run(*arguments):
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def test_the_list_has_every_evaluator_and_encoder_with_where_it_is():
    head, *lines = run("list").output.splitlines()
    assert head.split() == ["name", "version", "kind", "targets", "runs", "size", "where"]
    listed = {line.split()[0]: line for line in lines}
    assert set(listed) == {manifest.name for manifest in evaluator_manifests()} | {"minilm_l6_v2"}
    assert "encoder" in listed["minilm_l6_v2"]
    assert listed["minilm_l6_v2"].endswith(str(ENCODER))
    assert "text_classifier" in listed["toxicity"] or "python" in listed["toxicity"]
    assert "input, output" in listed["toxicity"]


def test_an_evaluator_whose_library_is_missing_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(
        manifest, "find_spec", lambda name: None if name == "presidio_analyzer" else find_spec(name)
    )
    (line,) = [line for line in run("list").output.splitlines() if line.startswith("presidio")]
    assert "needs pip install 'otel-llm[presidio]'" in line
    assert "by default" not in line
    with pytest.raises(ConfigError) as raised:
        chosen_manifests(["nothing"])
    assert "toxicity" in str(raised.value)
    assert "presidio" not in str(raised.value)


def test_an_encoder_as_it_should_be_is_ok():
    done = run("check", "minilm_l6_v2")
    assert (done.exit_code, done.output.splitlines()[0].split()[-1]) == (0, "ok")


def test_a_folder_whose_file_is_not_the_one_on_record_is_refused_by_name(tmp_path):
    folder = tmp_path / "changed"
    shutil.copytree(ENCODER, folder)
    (folder / "tokenizer.json").write_text("{}", encoding="utf-8")
    done = run("check", folder)
    assert done.exit_code == 1
    assert f"{folder / 'tokenizer.json'}: sha256 must be" in done.output


def test_an_evaluator_that_is_not_as_it_says_has_its_faults_listed(tmp_path):
    (source,) = [manifest.folder for manifest in evaluator_manifests() if manifest.name == "token_confidence"]
    folder = tmp_path / "token_confidence"
    shutil.copytree(source, folder)
    line = {"output": "Yes.", "logprobs": [-0.01, -0.01], "labels": {"output": "fail"}}
    (folder / "cases.jsonl").write_text(json.dumps(line) + "\n", encoding="utf-8")
    done = run("check", folder)
    assert done.exit_code == 1
    assert "cases come out right: 'Yes.': must be {'output': 'fail'}" in done.output
    assert "cases are enough: cases.jsonl must hold at least 30, got 1" in done.output


def test_a_name_that_is_not_installed_is_refused_with_those_that_are():
    error = run("check", "rudeness").exception
    assert isinstance(error, ConfigError)
    assert "'rudeness' must be the folder of" in str(error)
    assert "toxicity" in str(error)


@pytest.mark.skipif(find_spec("torch") is not None, reason="the extra is installed")
def test_export_without_its_extra_says_how_to_get_it(tmp_path):
    error = run("export", tmp_path, "--kind", "nli", "--output", tmp_path / "out").exception
    assert isinstance(error, MissingExtraError)
    assert "pip install 'otel-llm[export]'" in str(error)
    assert not (tmp_path / "out").exists()


def test_our_own_texts_are_records_and_a_long_one():
    calls = read_calls(None)
    assert len(calls) > 30
    assert all(call.input_text and call.output_text and call.documents for call in calls)
    assert len(calls[-1].documents[0]) > 512 * 6


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (None, ConfigError, "--texts: must be a file that can be read"),
        ("", ConfigError, "--texts: must hold at least one record"),
        ('{"answer": "a"}\n', RecordError, "line 1: output: is missing"),
    ],
)
def test_texts_that_cannot_be_read_are_refused(tmp_path, content, error, message):
    path = tmp_path / "texts.jsonl"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(error, match=message):
        read_calls(path)


def test_rank_correlation_is_spearmans():
    # by hand: ranks 1 2 3 4 5 and 2 1 4 3 5 differ by 1 1 1 1 0, so that 1 - 6 * 4 / (5 * 24) = 0.8
    assert rank_correlation(np.array([1.0, 2, 3, 4, 5]), np.array([0.2, 0.1, 0.4, 0.3, 0.5])) == pytest.approx(0.8)
    assert rank_correlation(np.array([1.0, 1, 2]), np.array([3.0, 3, 9])) == 1.0
    assert rank_correlation(np.array([1.0, 1, 1]), np.array([3.0, 3, 9])) is None


@pytest.mark.parametrize("largest", [0.02, float("nan")])
def test_parity_beyond_the_tolerance_or_unknown_is_an_error(largest):
    parity = Parity(what="probabilities", pieces=3, numbers=3, largest=largest, mean=0.01, rank_correlation=1.0)
    with pytest.raises(ParityError, match=r"must differ from the original's by at most 0.01, got"):
        parity.check(0.01)


def test_parity_at_the_tolerance_is_enough():
    Parity(what="cosines", pieces=3, numbers=3, largest=0.02, mean=0.01, rank_correlation=None).check(0.02)


def test_a_name_that_no_manifest_takes_is_refused_at_once(tmp_path):
    error = run("export", tmp_path, "--kind", "nli", "--name", "My Model", "--output", tmp_path / "out").exception
    assert isinstance(error, ConfigError)
    assert "--name: must be small letters, digits and _, a letter first, got 'My Model'" in str(error)


def test_a_version_follows_from_the_files_unless_it_is_given(tmp_path):
    path = tmp_path / "evaluator.toml"
    written = []
    for content, version in (("a", None), ("b", None), ("b", None), ("b", "7")):
        (tmp_path / "model.onnx").write_text(content, encoding="utf-8")
        write_manifest(path, {"name": "x", "version": version, "targets": ["input"]}, ["model.onnx"])
        written.append(path.read_text(encoding="utf-8").splitlines()[1])
    assert written[0] != written[1] == written[2]
    assert written[3] == 'version = "7"'


@pytest.mark.parametrize(
    ("file", "text", "found"),
    [
        ("README.md", "---\nlanguage: en\nlicense: mit\n---\n# x\n", "license: mit"),
        ("README.md", "# x\nlicense: mit\n", "None was found"),
        ("LICENSE", "\nApache License\nVersion 2.0\n", "a file LICENSE, which begins: Apache License"),
        ("other", "", "None was found"),
    ],
)
def test_the_licence_is_what_the_source_says_and_no_guess(tmp_path, file, text, found):
    (tmp_path / file).write_text(text, encoding="utf-8")
    assert found in licence_found(str(tmp_path))
    assert "not looked up" in licence_found(str(Path(tmp_path.name) / "no-such-model"))


def test_checksum_errors_are_faults_and_not_a_traceback(tmp_path):
    folder = tmp_path / "changed"
    shutil.copytree(ENCODER, folder)
    (folder / "encoder.onnx").write_bytes(b"")
    done = run("check", folder)
    assert not isinstance(done.exception, ChecksumError)
    assert "minilm_l6_v2 1: 1 fault\n" in done.output
