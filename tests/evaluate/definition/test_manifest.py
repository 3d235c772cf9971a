import json
import re
import shutil

import pytest
from support.calls import call_with

from otel_llm.errors import ChecksumError, ModelError
from otel_llm.evaluate.conformance.cases import read_cases
from otel_llm.evaluate.definition.installed import encoder_manifest, evaluator_manifests
from otel_llm.evaluate.definition.manifest import EncoderManifest, EvaluatorManifest, read_manifest
from otel_llm.evaluate.engine.encoder import Encoder
from otel_llm.evaluate.kinds.loading import load_evaluator


@pytest.fixture
def folder(tmp_path):
    """A copy of the toxicity evaluator's folder, under another name."""
    (toxicity,) = (manifest for manifest in evaluator_manifests() if manifest.name == "toxicity")
    return shutil.copytree(toxicity.folder, tmp_path / "rudeness")


def change(folder, old, new):
    path = folder / "evaluator.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return path


def test_any_folder_with_a_manifest_and_a_head_is_an_evaluator(folder, encoder):
    path = change(folder, 'name = "toxicity"', 'name = "rudeness"')
    change(folder, 'targets = ["input", "output"]', 'targets = ["output"]')
    rudeness = load_evaluator(read_manifest(path, EvaluatorManifest))
    call = call_with(question="Who?", answer="You are a stupid idiot.")
    (result,) = rudeness.evaluate(call, encoder.encode(rudeness.texts(call)))
    assert (result.evaluator, result.target, result.label) == ("rudeness", "output", "fail")
    assert re.fullmatch(r"toxic .*: characters 0-23", result.explanation)


def test_weights_that_are_not_those_on_record_are_refused_by_name(folder):
    with (folder / "model.onnx").open("ab") as file:
        file.write(b"x")
    manifest = read_manifest(folder / "evaluator.toml", EvaluatorManifest)
    with pytest.raises(
        ChecksumError, match=rf"{folder}/model.onnx: sha256 must be [0-9a-f]{{64}}, got [0-9a-f]{{64}}"
    ):
        load_evaluator(manifest)


def test_an_encoder_that_is_not_the_one_on_record_is_refused_by_name(tmp_path):
    folder = shutil.copytree(encoder_manifest("minilm_l6_v2").folder, tmp_path / "encoder")
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(ChecksumError, match=r"tokenizer\.json"):
        Encoder(read_manifest(folder / "encoder.toml", EncoderManifest))


def test_an_encoder_whose_states_have_another_dimension_is_refused(encoder):
    with pytest.raises(ModelError, match=r"dimension must be that of encoder\.onnx, 384, got 512"):
        Encoder(encoder.manifest.model_copy(update={"dimension": 512}))


def test_missing_weights_are_named(folder):
    (folder / "model.onnx").unlink()
    with pytest.raises(ModelError, match=r"model\.onnx: is missing"):
        load_evaluator(read_manifest(folder / "evaluator.toml", EvaluatorManifest))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            'scores = "toxic"',
            'scores = "toxic"\ncolour = "red"',
            "colour: Extra inputs are not permitted, got 'red'",
        ),
        ("threshold = 0", "threshold = 7", r"threshold: .* less than or equal to 1, got 7"),
        ('kind = "text_classifier"', 'kind = "oracle"', "kind: .*got 'oracle'"),
        ('targets = ["input", "output"]', "targets = []", "targets: .*at least 1 item"),
        (
            'targets = ["input", "output"]',
            'targets = ["output"]\nparts = ["text", "tool_call"]',
            "parts: belongs to kind python, got it with 'text_classifier': remove it",
        ),
        ("name =", "name", "must be a TOML file"),
    ],
)
def test_a_wrong_manifest_is_refused_with_its_key_and_value(folder, old, new, message):
    with pytest.raises(ModelError, match=message):
        read_manifest(change(folder, old, new), EvaluatorManifest)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ('["image"]', r"parts\.0: .*'text', 'tool_call' or 'tool_call_response', got 'image'"),
        ("[]", "at least 1 item"),
    ],
)
def test_parts_that_no_evaluator_can_read_are_refused(tmp_path, parts, message):
    path = tmp_path / "evaluator.toml"
    path.write_text(
        'name = "a"\nversion = "1"\nkind = "python"\ncode = "a:A"\ntargets = ["output"]\nscores = "a"\n'
        f"threshold = 0.5\nparts = {parts}\n"
    )
    with pytest.raises(ModelError, match=message):
        read_manifest(path, EvaluatorManifest)


def test_a_folder_in_the_file_does_not_replace_where_it_lies(folder):
    path = change(folder, 'name = "toxicity"', 'folder = "/etc"\nname = "toxicity"')
    with pytest.raises(ModelError, match=rf"{path}: folder: is where the file lies, .*got '/etc': remove it"):
        read_manifest(path, EvaluatorManifest)


def test_a_manifest_that_is_not_utf_8_is_refused_by_its_path(folder):
    path = folder / "evaluator.toml"
    path.write_bytes(b"# gr\xfc\xdfe\n" + path.read_bytes())
    with pytest.raises(ModelError, match=rf"{path}: must be a TOML file, in UTF-8: .*0xfc"):
        read_manifest(path, EvaluatorManifest)


def test_an_encoder_whose_windows_have_no_room_is_refused(tmp_path):
    folder = shutil.copytree(encoder_manifest("minilm_l6_v2").folder, tmp_path / "encoder")
    path = folder / "encoder.toml"
    path.write_text(re.sub("max_tokens = .*", "max_tokens = 9", path.read_text()))
    with pytest.raises(ModelError, match=r"max_tokens: .*greater than or equal to 10, got 9"):
        read_manifest(path, EncoderManifest)


def test_cases_end_at_line_feeds_alone(tmp_path):
    outputs = ["one\u2028two", "one\u0085two", "one\u2029 two"]
    lines = [json.dumps({"output": output, "labels": {}}, ensure_ascii=False) for output in outputs]
    (tmp_path / "cases.jsonl").write_bytes("\r\n".join([*lines, ""]).encode())
    assert [case.output for case in read_cases(tmp_path)] == outputs


def test_cases_that_are_not_utf_8_are_refused_by_their_path(tmp_path):
    (tmp_path / "cases.jsonl").write_bytes(b'{"output": "gr\xfc\xdfe", "labels": {}}')
    with pytest.raises(ModelError, match=rf"{tmp_path}/cases\.jsonl: must hold plain cases, .*in UTF-8"):
        read_cases(tmp_path)


def test_a_head_that_is_no_model_is_refused(folder):
    manifest = read_manifest(folder / "evaluator.toml", EvaluatorManifest)
    (folder / "model.onnx").write_bytes(b"not a model")
    with pytest.raises(ModelError, match=r"model\.onnx: must be an ONNX model"):
        type(load_evaluator(manifest_of_bundled()))(manifest)


def manifest_of_bundled():
    return next(manifest for manifest in evaluator_manifests() if manifest.name == "toxicity")


def test_an_encoder_that_is_not_installed_is_named():
    with pytest.raises(ModelError, match="encoder 'gpt_9' is in no installed distribution"):
        encoder_manifest("gpt_9")
