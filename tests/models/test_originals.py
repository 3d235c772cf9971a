"""Exports of small random models of every architecture, compared with what the original libraries say."""

import json

import models
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from detoxify import Detoxify
from sentence_transformers import CrossEncoder, SentenceTransformer
from transformers import AutoModelForTokenClassification, AutoTokenizer

from otel_llm.errors import ConfigError, ModelError, ParityError
from otel_llm.evaluate.conformance.cases import Case, read_cases
from otel_llm.evaluate.definition.manifest import EncoderManifest, EvaluatorManifest, read_manifest
from otel_llm.evaluate.engine.encoder import Encoder
from otel_llm.evaluate.kinds.loading import load_evaluator
from otel_llm.evaluate.kinds.whole_model import WholeModel
from otel_llm.models.command import command
from otel_llm.models.texts import read_calls

SHORT = "You are a useless idiot, and I hope you rot."
CONTEXT = "The library opens at nine on weekdays. A card costs four euros a year."
ANSWER = "A card costs forty euros a year."
LONG = " ".join(call.output_text for call in read_calls(None)[:40])


def exported(folder, *arguments):
    """Run `models export` with those arguments and return its lines."""
    done = CliRunner().invoke(command, ["export", *map(str, arguments), "--output", str(folder)])
    if done.exception:
        raise done.exception
    return done.output.splitlines()


def evaluator_in(folder):
    return load_evaluator(read_manifest(folder / "evaluator.toml", EvaluatorManifest))


def score(folder, *, output=ANSWER, documents=(CONTEXT,)):
    """Return the score of the answer, by the folder as the service loads it."""
    (result,) = [
        result
        for result in evaluator_in(folder).evaluate(Case(output=output, documents=documents, labels={}).call(), {})
        if result.target == "output"
    ]
    return result.score


def windows(folder, text):
    """Return the text in the windows that the service cuts it into."""
    model = WholeModel(read_manifest(folder / "evaluator.toml", EvaluatorManifest), rank=2)
    return [piece.text for piece in model.pieces(text, max_tokens=model.room(texts=1))]


@pytest.mark.parametrize("released", list(models.DETOXIFY))
def test_detoxify_scores_as_the_library_does(tmp_path, released):
    source, base = models.detoxify(tmp_path, released)
    folder = tmp_path / "out"
    exported(folder, source, "--kind", "detoxify", "--base", base, "--precision", "fp32")
    original = Detoxify(checkpoint=str(source), huggingface_config_path=str(base))
    assert score(folder, output=SHORT) == pytest.approx(original.predict(SHORT)["toxicity"], abs=1e-4)
    pieces = windows(folder, LONG)
    assert len(pieces) > 1
    worst = max(original.predict(piece)["toxicity"] for piece in pieces)
    assert score(folder, output=LONG) == pytest.approx(worst, abs=1e-4)


def test_detoxify_knows_its_labels(tmp_path):
    source, base = models.detoxify(tmp_path, "original")
    exported(tmp_path / "out", source, "--kind", "detoxify", "--base", base, "--precision", "fp32")
    manifest = read_manifest(tmp_path / "out" / "evaluator.toml", EvaluatorManifest)
    assert manifest.labels == ("toxicity", "severe_toxicity", "obscene", "threat", "insult", "identity_attack")
    assert (manifest.label, manifest.activation, manifest.max_tokens) == ("toxicity", "sigmoid", 512)


def test_a_sentence_transformer_embeds_as_the_library_does(tmp_path):
    source = models.sentence_transformer(tmp_path)
    folder = tmp_path / "out"
    exported(folder, source, "--kind", "sentence-transformer", "--precision", "fp32")
    encoder = Encoder(read_manifest(folder / "encoder.toml", EncoderManifest))
    theirs = SentenceTransformer(str(source), device="cpu").encode([SHORT, CONTEXT])
    ours = encoder.encode([SHORT, CONTEXT, LONG])
    for text, embedding in zip([SHORT, CONTEXT], theirs, strict=True):
        assert np.allclose(ours[text].pooled, embedding, atol=1e-4)
    assert len(ours[LONG].windows) > 1


def test_an_encoder_with_other_special_tokens_is_exported(tmp_path):
    source = models.sentence_transformer(tmp_path, family="XLMRoberta")
    folder = tmp_path / "out"
    exported(folder, source, "--kind", "sentence-transformer", "--precision", "fp32")
    (theirs,) = SentenceTransformer(str(source), device="cpu").encode([SHORT])
    encoder = Encoder(read_manifest(folder / "encoder.toml", EncoderManifest))
    assert np.allclose(encoder.encode([SHORT])[SHORT].pooled, theirs, atol=1e-4)


def test_an_encoder_that_pools_otherwise_is_refused(tmp_path):
    source = models.sentence_transformer(tmp_path, pooling="cls")
    with pytest.raises(ModelError, match=r"must pool its token states to their mean.*got cls"):
        exported(tmp_path / "out", source, "--kind", "sentence-transformer")


@pytest.mark.parametrize("kind", ["nli", "nli-deberta"])
def test_a_cross_encoder_judges_as_the_library_does(tmp_path, kind):
    arguments = models.arguments_for(tmp_path, kind)
    folder = tmp_path / "out"
    exported(folder, *arguments, "--precision", "fp32")
    original = CrossEncoder(arguments[0], device="cpu")
    (scores,) = original.predict([(CONTEXT, ANSWER)], apply_softmax=True)
    assert score(folder) == pytest.approx(scores[1], abs=1e-4)
    assert score(folder, output=LONG, documents=(LONG,)) is not None


def test_a_token_classifier_judges_as_lettucedetect_does(tmp_path):
    source = models.lettucedetect(tmp_path)
    folder = tmp_path / "out"
    exported(folder, source, "--kind", "lettucedetect", "--precision", "fp32")
    tokenizer = AutoTokenizer.from_pretrained(source)
    network = AutoModelForTokenClassification.from_pretrained(source).eval()
    with torch.inference_mode():
        probabilities = torch.softmax(network(**tokenizer(CONTEXT, ANSWER, return_tensors="pt")).logits, dim=-1)[0]
    count = len(tokenizer(ANSWER, add_special_tokens=False)["input_ids"])
    model = WholeModel(read_manifest(folder / "evaluator.toml", EvaluatorManifest), rank=3)
    tokens = model.encode(CONTEXT, ANSWER)
    ours = model.probabilities(tokens)[[sequence == 1 for sequence in tokens.sequence_ids]]
    assert np.allclose(ours, probabilities[-count - 1 : -1].numpy(), atol=1e-4)
    worst = float(ours[:, 1].max())
    assert 1 - worst - 1e-6 <= score(folder) < 1  # the evaluator smooths it with its neighbours'
    assert score(folder, output=LONG, documents=(LONG,)) is not None


def test_hhem_judges_as_its_own_code_does(tmp_path):
    source, base = models.hhem(tmp_path)
    folder = tmp_path / "out"
    lines = exported(folder, source, "--kind", "hhem", "--base", base, "--precision", "fp32")
    original = models.HHEMv2ForSequenceClassification(source, base)
    assert score(folder) == pytest.approx(original.predict([(CONTEXT, ANSWER)])[0].item(), abs=1e-4)
    assert "rank correlation" in lines[0]
    assert "license: apache-2.0" in (folder / "MODEL_CARD.md").read_text(encoding="utf-8")


def test_weights_that_are_not_all_there_are_refused(tmp_path):
    source, base = models.hhem(tmp_path, without="t5.classifier.weight")
    with pytest.raises(ModelError, match=r"must hold HHEM's weights.*classifier\.weight"):
        exported(tmp_path / "out", source, "--kind", "hhem", "--base", base)


@pytest.mark.parametrize(("precision", "share"), [("int8", 0.5), ("fp16", 0.7)])
@pytest.mark.parametrize("kind", ["original", "nli"])
def test_smaller_precisions_are_near_the_original(tmp_path, kind, precision, share):
    arguments = models.arguments_for(tmp_path, kind)
    exported(tmp_path / "whole", *arguments, "--precision", "fp32")
    # random weights are harsher than trained ones
    exported(tmp_path / "small", *arguments, "--precision", precision, "--tolerance", "0.4")
    sizes = {name: (tmp_path / name / "model.onnx").stat().st_size for name in ("whole", "small")}
    assert sizes["small"] < share * sizes["whole"]
    versions = {read_manifest(tmp_path / n / "evaluator.toml", EvaluatorManifest).version for n in sizes}
    assert len(versions) == 2


def test_an_export_beyond_the_tolerance_fails_and_leaves_nothing(tmp_path):
    arguments = models.arguments_for(tmp_path, "nli")
    with pytest.raises(ParityError, match="must differ from the original's by at most 1e-09, got"):
        exported(tmp_path / "out", *arguments, "--tolerance", "1e-9")
    assert not [path for path in tmp_path.iterdir() if "out" in path.name]


def test_cases_are_the_given_texts_with_the_originals_labels(tmp_path):
    source = models.nli(tmp_path)
    pairs = [(CONTEXT, ANSWER), (CONTEXT, "It opens at nine."), (CONTEXT, "Nobody knows.")]
    scores = CrossEncoder(str(source), device="cpu").predict(pairs, apply_softmax=True)[:, 1]
    threshold = float(sorted(scores)[1] + sorted(scores)[2]) / 2
    texts = tmp_path / "texts.jsonl"
    texts.write_text("".join(json.dumps({"output": b, "context": a}) + "\n" for a, b in pairs), encoding="utf-8")
    folder = tmp_path / "out"
    exported(
        folder, source, "--kind", "nli", "--precision", "fp32", "--texts", texts, "--threshold", str(threshold)
    )
    labels = [case.labels["output"] for case in read_cases(folder)]
    assert labels == ["fail" if value < threshold else "pass" for value in scores]


def test_a_folder_that_is_there_is_not_overwritten(tmp_path):
    with pytest.raises(ConfigError, match="--output: must not be there yet"):
        exported(tmp_path, tmp_path, "--kind", "nli")


def test_a_source_that_is_none_is_named_with_its_kind(tmp_path):
    with pytest.raises(ModelError, match="cannot be loaded or exported as nli"):
        exported(tmp_path / "out", tmp_path / "missing", "--kind", "nli")
