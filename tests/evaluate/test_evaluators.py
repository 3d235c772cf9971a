"""Checks that every installed evaluator passes, whatever it is."""

import json
import random

import pytest
from support.calls import call_with

from otel_llm.evaluate.evaluator import load_evaluators

EVALUATORS = load_evaluators(None)
WEIRD = [
    "a",
    "🎉",
    "\x00\x07",
    "¿Dónde está la biblioteca? 図書館は九時に開く。",
    "مرحبا بالعالم",
    "<script>alert(1)</script>" * 3,
    "=" * 5000,
    "\n".join("| a | b |" for _ in range(50)),
]


def cases(evaluator):
    with (evaluator.manifest.folder / "cases.jsonl").open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def call_of(case, number=1):
    return call_with(
        question=case.get("input"), answer=case.get("output"), documents=case.get("documents", ()), number=number
    )


def every_case():
    for evaluator in EVALUATORS:
        for case in cases(evaluator):
            text = case.get("output") or case.get("input")
            yield pytest.param(evaluator, case, id=f"{evaluator.manifest.name}: {text[:60]}")


@pytest.fixture(params=EVALUATORS, ids=lambda evaluator: evaluator.manifest.name)
def evaluator(request):
    return request.param


def test_the_bundled_evaluators_are_found():
    assert {"toxicity", "groundedness"} <= {evaluator.manifest.name for evaluator in EVALUATORS}


@pytest.mark.parametrize(("evaluator", "case"), list(every_case()))
def test_plain_cases_come_out_right(evaluator, case, encoder):
    call = call_of(case)
    results = evaluator.evaluate(call, encoder.encode(evaluator.texts(call)))
    assert {result.target: result.label for result in results} == case["labels"]


def test_there_are_plain_cases_of_both_kinds(evaluator):
    labels = [label for case in cases(evaluator) for label in case["labels"].values()]
    assert len(cases(evaluator)) >= 30
    assert labels.count("fail") >= 10
    assert labels.count("pass") >= 10


def test_the_folder_has_a_model_card(evaluator):
    card = (evaluator.manifest.folder / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert f"version {evaluator.manifest.version}" in card
    assert f"python -m recipes.{evaluator.manifest.name}" in card


def test_without_texts_nothing_applies(evaluator, encoder):
    for call in (call_with(), call_with(question=" ", answer="\n", documents=["The library opens at 9."])):
        results = evaluator.evaluate(call, encoder.encode(evaluator.texts(call)))
        assert [result.target for result in results] == list(evaluator.manifest.targets)
        assert {result.label for result in results} == {"not_applicable"}
        assert {result.score for result in results} == {None}


@pytest.mark.parametrize("text", WEIRD)
def test_any_text_gets_a_score_between_0_and_1(evaluator, text, encoder):
    call = call_with(question=text, answer=text, documents=[text, "The library opens at 9."])
    for result in evaluator.evaluate(call, encoder.encode(evaluator.texts(call))):
        assert result.label in {"pass", "fail", "not_applicable"}
        assert result.score is None or 0 <= result.score <= 1
        assert (result.score is None) == (result.label == "not_applicable")


def test_a_very_long_call_is_scored_with_bounded_work(evaluator, encoder):
    words = random.Random(1).choices(
        ["library", "opens", "costs", "euros", "day.", "It", "never", "12"], k=200_000
    )
    text = " ".join(words)
    call = call_with(question=text, answer=text, documents=[text] * 3)
    encodings = encoder.encode(evaluator.texts(call))
    assert sum(len(encoding.windows) for encoding in encodings.values()) < 200
    for result in evaluator.evaluate(call, encodings):
        assert result.label in {"pass", "fail"}


def test_a_verdict_does_not_depend_on_the_batch(evaluator, encoder):
    calls = [call_of(case, number) for number, case in enumerate(cases(evaluator))]
    together = encoder.encode(text for call in calls for text in evaluator.texts(call))
    for call in calls:
        alone = encoder.encode(evaluator.texts(call))
        assert evaluator.evaluate(call, together) == evaluator.evaluate(call, alone)


def test_results_have_the_ids_of_call_evaluator_version_and_target(evaluator, encoder):
    call = call_with(question="Who?", answer="Nobody.", documents=["Nobody."], number=255)
    results = evaluator.evaluate(call, encoder.encode(evaluator.texts(call)))
    manifest = evaluator.manifest
    assert [result.id for result in results] == [
        f"{255:032x}-{255:016x}-{manifest.name}-{manifest.version}-{target}" for target in manifest.targets
    ]


def test_an_explanation_comes_with_fail_alone(evaluator, encoder):
    for case in cases(evaluator):
        call = call_of(case)
        for result in evaluator.evaluate(call, encoder.encode(evaluator.texts(call))):
            assert bool(result.explanation) == (result.label == "fail")
