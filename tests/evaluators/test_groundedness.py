import numpy as np
import pytest
from support.calls import call_with

from otel_llm.errors import ModelError
from otel_llm.evaluate.engine.words import words
from otel_llm.evaluate.kinds.loading import load_evaluators
from otel_llm_evaluators.groundedness.context import Context
from otel_llm_evaluators.groundedness.evaluator import EVIDENCE, Groundedness

LIBRARY = "The library opens at 9 and closes at 17 on weekdays. Membership costs 12 euros a year."


@pytest.fixture(scope="module")
def groundedness():
    (evaluator,) = load_evaluators(["groundedness"])
    return evaluator


def evaluate(evaluator, **texts):
    (result,) = evaluator.evaluate(call_with(**texts), {})
    return result


def with_options(evaluator, **options):
    manifest = evaluator.manifest
    return Groundedness(manifest.model_copy(update={"options": {**manifest.options, **options}}))


def test_the_worst_sentence_counts_and_is_named(groundedness):
    good = evaluate(groundedness, answer="Membership costs 12 euros a year.", documents=[LIBRARY])
    mixed = evaluate(
        groundedness,
        answer="Membership costs 12 euros a year. There is a swimming pool with a sauna on the roof.",
        documents=[LIBRARY],
    )
    assert good.label == "pass"
    assert mixed.label == "fail"
    assert mixed.score < good.score
    assert mixed.explanation == (
        "not supported by the context (1 of 2 sentences): “There is a swimming pool with a sauna on the roof.”"
        f" (nearest: “{LIBRARY.split('. ', maxsplit=1)[0]}.”)"
    )


@pytest.mark.parametrize(
    "sentence",
    [
        "A lost card is replaced for 3 dollars.",
        "An account that owes more than 10 dollars cannot borrow until it is paid, in cash or by bank card.",
    ],
)
def test_a_sentence_of_the_context_itself_is_supported_for_certain(groundedness, sentence):
    documents = [f"The card is free. {sentence} Ask at the front desk.", LIBRARY]
    assert evaluate(groundedness, answer=sentence, documents=documents).score == 1.0
    denied = sentence.replace(" is ", " is not ", 1)
    assert evaluate(groundedness, answer=denied, documents=documents).score < 1.0


def test_a_long_sentence_is_shortened_in_the_explanation(groundedness):
    answer = f"There is a swimming pool with {'a very long slide and ' * 14}a sauna."
    result = evaluate(groundedness, answer=answer, documents=[LIBRARY])
    assert result.label == "fail"
    quoted, nearest = result.explanation.split("“")[1:]
    assert len(quoted) < 140
    assert quoted.startswith("There is a swimming pool")
    assert nearest.startswith("The library opens at 9")


def test_evidence_is_found_in_any_document_at_any_place(groundedness):
    noise = [f"Room {number} is on floor {number % 7} and has {number + 3} chairs." for number in range(400)]
    documents = [" ".join(noise[:200]), " ".join([*noise[200:300], LIBRARY, *noise[300:]])]
    assert evaluate(groundedness, answer="Membership costs 12 euros a year.", documents=documents).label == "pass"
    assert evaluate(groundedness, answer="Membership costs 80 euros a month.", documents=documents).label == "fail"


def test_a_claim_is_read_beside_its_evidence(groundedness):
    context = Context.read([LIBRARY], max_characters=1000)
    found = {
        text: groundedness.evidence(text, words(text), context)
        for text in ("It costs 12 euros.", "It opens at 11.")
    }
    (supported, nearest), (unlike, _) = found.values()
    assert nearest == "Membership costs 12 euros a year."
    assert supported.shape == unlike.shape == (len(EVIDENCE),)
    assert np.isfinite(supported).all()
    assert supported[0] > unlike[0]  # the model's own logit


def test_an_answer_of_which_the_end_is_not_read_does_not_pass(groundedness):
    answer = f"Membership costs 12 euros a year.{' ' * 40}There is a swimming pool on the roof."
    documents = ["Membership costs 12 euros a year."]
    short = evaluate(with_options(groundedness, max_characters=60), answer=answer, documents=documents)
    assert (short.label, short.score, short.explanation) == ("partial", 1.0, "1 of 2 sentences read")
    assert evaluate(groundedness, answer=answer, documents=documents).label == "fail"


def test_weights_of_other_signals_are_refused(groundedness):
    with pytest.raises(
        ModelError, match=r"options.weights must have the keys support, .*, got length: write it with"
    ):
        with_options(groundedness, weights={"length": 1.0})


def test_documents_without_words_are_no_context(groundedness):
    assert evaluate(groundedness, answer="It is late.", documents=["", " 🎉 "]).label == "not_applicable"
