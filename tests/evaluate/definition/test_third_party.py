"""Evaluators of installed packages that are not ours."""

import re
from pathlib import Path

import pytest
from support.calls import call_with
from support.packages import install, write_evaluator
from support.small_models import head, text_model, tokenizer

from otel_llm.config.evaluate import DriftSettings, EvaluateSettings
from otel_llm.errors import ChecksumError, ModelError
from otel_llm.evaluate.conformance import checks
from otel_llm.evaluate.conformance.checks import CHECKS, Subject, check, faults, work_is_bounded
from otel_llm.evaluate.kinds.loading import load_evaluators
from otel_llm.evaluate.run.pipeline import Pipeline

README = Path(__file__).parents[3] / "evaluators" / "README.md"
FRIENDS = ["thank you so much", "what a lovely day", "have a nice evening", "i am glad to help", "you are welcome"]
FOOLS = ["you stupid idiot", "shut up, moron", "you worthless idiot", "what a stupid fool you are", "you idiot"]


def cases():
    for number in range(1, 4):
        for text in FRIENDS:
            yield {"output": f"{number}. {text}", "labels": {"output": "pass"}}
        for text in FOOLS:
            yield {"output": f"{number}. {text}", "labels": {"output": "fail"}}


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An installed package of evaluators, empty yet, under a name that no other test imports."""
    return install(tmp_path, f"my_evaluators_{tmp_path.name}".replace("-", "_"), monkeypatch)


def example(language, package):
    """Return the README's first block in that language which is of the example, with the package's own name."""
    blocks = re.findall(rf"```{language}\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    (block,) = (block for block in blocks if "Shouting" in block)
    return block.replace("my_evaluators", package.name)


def write_shouting(package, **replaced):
    manifest = example("toml", package)
    for old, new in replaced.items():
        assert old in manifest
        manifest = manifest.replace(old, new)
    loud = [{**case, "output": case["output"].upper()} for case in cases() if case["labels"]["output"] == "fail"]
    calm = [case for case in cases() if case["labels"]["output"] == "pass"]
    path = write_evaluator(package / "shouting", manifest=manifest, cases=[*loud, *calm])
    (path.parent / "__init__.py").touch()
    (path.parent / "evaluator.py").write_text(example("python", package), encoding="utf-8")
    return path


def load(name):
    (evaluator,) = load_evaluators([name])
    return evaluator


def test_the_python_evaluator_of_the_readme_works(package, encoder):
    write_shouting(package)
    evaluator = load("shouting")
    assert check(evaluator, encoder) == []
    (result,) = evaluator.evaluate(call_with(answer="I SAID NO. Never"), {})
    assert (result.label, result.explanation) == ("pass", None)
    (result,) = evaluator.evaluate(call_with(answer="I SAID NO"), {})
    assert (result.label, result.score, result.explanation) == ("fail", 1.0, "100% of the letters are capitals")


def test_a_head_over_the_encoder_needs_no_python(package, encoder):
    rude, kind = (sum(each.pooled for each in encoder.encode(texts).values()) for texts in (FOOLS, FRIENDS))
    direction = 4 * (rude - kind)
    manifest = (
        'name = "rudeness"\nversion = "1"\nkind = "text_classifier"\ntargets = ["output"]\n'
        'encoder = "minilm_l6_v2"\nscores = "rude"\nthreshold = 0.5\n'
    )
    weights = {"model.onnx": head(direction, -float(direction @ (rude + kind)) / 10)}
    write_evaluator(package / "rudeness", manifest=manifest, files=weights, cases=cases())
    assert check(load("rudeness"), encoder) == []


def test_a_whole_model_needs_no_python_and_no_encoder(package, encoder):
    words = tokenizer(["stupid", "idiot", "moron", "lovely"])
    files = {
        "model.onnx": text_model(words, {"idiot": [3], "moron": [4], "stupid": [2]}, [-3]),
        "tokenizer.json": words.to_str().encode(),
    }
    manifest = (
        'name = "rudeness"\nversion = "1"\nkind = "text_classifier"\ntargets = ["output"]\nscores = "rude"\n'
        'threshold = 0.5\nactivation = "sigmoid"\ntokenizer = "tokenizer.json"\n'
    )
    write_evaluator(package / "rudeness", manifest=manifest, files=files, cases=cases())
    assert check(load("rudeness"), encoder) == []
    pipeline = Pipeline.load(EvaluateSettings(evaluators=("rudeness",), drift=DriftSettings(enabled=False)))
    (result,) = pipeline.evaluate([call_with(answer="You idiot!")]).results
    assert result.explanation == "rude 0.95: characters 0-10"


def test_weights_that_are_not_those_on_record_are_not_loaded(package):
    write_evaluator(
        package / "rudeness",
        manifest='name = "rudeness"\nversion = "1"\nkind = "text_classifier"\ntargets = ["output"]\n'
        'encoder = "minilm_l6_v2"\nscores = "rude"\nthreshold = 0.5\n',
        files={"model.onnx": b"one"},
    )
    (package / "rudeness" / "model.onnx").write_bytes(b"another")
    with pytest.raises(ChecksumError, match=rf"{package}/rudeness/model\.onnx: sha256 must be"):
        load("rudeness")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (":Shouting", ":Whispering", r"code must name a class of \w+\.shouting\.evaluator, got 'Whispering'"),
        ("shouting.evaluator:", "nowhere:", r"code must name a module that can be imported, got '\w+\.nowhere'"),
        (":Shouting", ":Options", "code must name a class that takes a manifest, got 'Options'"),
        (":Shouting", ":Target", "code must name a class that takes a manifest, got 'Target'"),
        (":Shouting", ":score_result", "code must name a class that takes a manifest, got 'score_result'"),
        (":Shouting", "", r"code: String should match pattern .*, got '\w+\.shouting\.evaluator'"),
        ("least_letters = 6", "least_words = 6", r"options\.least_letters: Field required.*options\.least_words"),
        ("code = ", "# code = ", "code: is required with kind 'python': name the class"),
    ],
)
def test_code_that_is_no_evaluator_is_refused_by_what_is_wrong(package, old, new, message):
    write_shouting(package, **{old: new})
    with pytest.raises(ModelError, match=message):
        load("shouting")


def test_a_class_without_the_protocol_is_refused_by_what_it_lacks(package):
    write_shouting(package, **{":Shouting": ":Mute"})
    (package / "shouting" / "evaluator.py").write_text(
        "class Mute:\n"
        "    def __init__(self, manifest):\n        self.manifest = manifest\n"
        "    def texts(self, call):\n        return []\n"
    )
    with pytest.raises(ModelError, match="got 'Mute' without evaluate"):
        load("shouting")


def test_two_evaluators_of_one_name_are_refused(package):
    write_shouting(package)
    write_evaluator(
        package / "other", manifest=(package / "shouting" / "evaluator.toml").read_text().split("[files]")[0]
    )
    with pytest.raises(ModelError, match=r"name must be its own, got 'shouting', which .*/other has too"):
        load("shouting")


@pytest.mark.parametrize("gone", ["gone_pkg", "gone_pkg.sub", ".sub", "json.decoder"])
def test_an_entry_point_whose_package_is_gone_is_named_with_its_distribution(package, gone):
    (metadata,) = package.parent.glob("*.dist-info")
    (metadata / "entry_points.txt").write_text(f"[otel_llm.evaluators]\nmine = {gone}\n")
    message = (
        rf"entry point mine of otel_llm\.evaluators: .*got '{gone}': install {package.name} again, or uninstall"
    )
    with pytest.raises(ModelError, match=message):
        load("shouting")


def test_the_checks_notice_work_that_grows_with_the_text(package, encoder, monkeypatch):
    monkeypatch.setattr(checks, "_MOST_CPU_S", 0.5)
    write_shouting(package)
    slow = Lying(load("shouting"), lambda results, _: (sum(range(75_000_000)), results)[1])
    (fault,) = faults(work_is_bounded, Subject(slow, encoder))
    assert re.search(r"must end within 0\.5 s of processor time, got \d", fault)


class Lying:
    """Wraps an evaluator, and makes one thing of it wrong."""

    def __init__(self, evaluator, change):
        self.manifest = evaluator.manifest
        self.texts = evaluator.texts
        self._evaluate = evaluator.evaluate
        self._change = change
        self._count = 0

    def evaluate(self, call, encodings):
        self._count += 1
        return self._change(self._evaluate(call, encodings), self._count)


def replaced(**fields):
    from dataclasses import replace

    return lambda results, _: [replace(result, **fields) for result in results]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (replaced(label="pass"), "cases come out right"),
        (replaced(score=1.5), "the score must be from 0 to 1"),
        (replaced(score=None), "there must be a score unless it is not applicable"),
        (replaced(label="error"), "the label must be pass, partial, fail or not_applicable"),
        (replaced(explanation=""), "explanations come with fail and partial"),
        (replaced(explanation="always"), "explanations come with fail and partial"),
        (replaced(version="2"), "must give results with the ids"),
        (replaced(target="input"), "must give results with the ids"),
        (lambda results, _: results * 2, "must give results with the ids"),
        (lambda results, count: replaced(score=0.71 + count / 1e6)(results, 0), "differs beside other calls"),
        (lambda results, _: 1 / 0, "ZeroDivisionError"),
    ],
)
def test_the_checks_notice_what_is_wrong(package, encoder, change, fault):
    write_shouting(package)
    subject = Subject(Lying(load("shouting"), change), encoder)
    found = [each for one in CHECKS if one is not work_is_bounded for each in faults(one, subject)]
    assert any(fault in each for each in found), found


def test_the_checks_notice_missing_cases_and_a_card_of_another_version(package, encoder):
    write_shouting(package)
    folder = package / "shouting"
    (folder / "MODEL_CARD.md").write_text("version 0")
    lines = (folder / "cases.jsonl").read_text().splitlines(keepends=True)
    (folder / "cases.jsonl").write_text("".join(lines[:9]))
    assert check(load("shouting"), encoder) == [
        "shouting: cases are enough: cases.jsonl must hold at least 30, got 9",
        "shouting: cases are enough: at least 10 must be fail, got 9",
        "shouting: cases are enough: at least 10 must be pass, got 0",
        f"shouting: the model card is of this version: {folder}/MODEL_CARD.md: must say 'version 1'",
    ]
    (folder / "cases.jsonl").write_text('{"output": "a", "colour": "red", "labels": {}}\n')
    assert "line 1: colour: Extra inputs are not permitted" in check(load("shouting"), encoder)[0]
