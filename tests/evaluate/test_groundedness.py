import pytest
from support.calls import call_with

from otel_llm.evaluate.evaluator import load_evaluators
from otel_llm.evaluate.groundedness import Groundedness, Windowing, read_passages

LIBRARY = "The library opens at 9 and closes at 17 on weekdays. Membership costs 12 euros a year."


@pytest.fixture(scope="module")
def groundedness():
    (evaluator,) = load_evaluators(["groundedness"])
    return evaluator


def evaluate(evaluator, encoder, **texts):
    call = call_with(**texts)
    (result,) = evaluator.evaluate(call, encoder.encode(evaluator.texts(call)))
    return result


def test_the_worst_sentence_counts_and_is_named(groundedness, encoder):
    good = evaluate(groundedness, encoder, answer="Membership costs 12 euros a year.", documents=[LIBRARY])
    mixed = evaluate(
        groundedness,
        encoder,
        answer="Membership costs 12 euros a year. There is a swimming pool with a sauna on the roof.",
        documents=[LIBRARY],
    )
    assert good.label == "pass"
    assert mixed.label == "fail"
    assert mixed.score < good.score
    assert mixed.explanation == (
        "not supported by the context (1 of 2 sentences): “There is a swimming pool with a sauna on the roof.”"
    )


@pytest.mark.parametrize(
    "sentence",
    [
        "A lost card is replaced for 3 dollars.",
        "An account that owes more than 10 dollars cannot borrow until it is paid, in cash or by bank card.",
    ],
)
def test_a_sentence_of_the_context_itself_is_supported_for_certain(groundedness, encoder, sentence):
    documents = [f"The card is free. {sentence} Ask at the front desk.", LIBRARY]
    assert evaluate(groundedness, encoder, answer=sentence, documents=documents).score == 1.0
    denied = sentence.replace(" is ", " is not ", 1)
    assert evaluate(groundedness, encoder, answer=denied, documents=documents).score < 1.0


def test_a_long_sentence_is_shortened_in_the_explanation(groundedness, encoder):
    answer = f"There is a swimming pool with {'a very long slide and ' * 20}a sauna."
    result = evaluate(groundedness, encoder, answer=answer, documents=[LIBRARY])
    assert result.label == "fail"
    assert len(result.explanation) < 200


def test_evidence_is_found_in_any_document_at_any_place(groundedness, encoder):
    noise = [f"Room {number} is on floor {number % 7} and has {number + 3} chairs." for number in range(400)]
    documents = [" ".join(noise[:200]), " ".join([*noise[200:300], LIBRARY, *noise[300:]])]
    assert (
        evaluate(groundedness, encoder, answer="Membership costs 12 euros a year.", documents=documents).label
        == "pass"
    )
    assert (
        evaluate(groundedness, encoder, answer="Membership costs 80 euros a month.", documents=documents).label
        == "fail"
    )


def test_passages_are_capped_and_the_nearest_are_kept(groundedness):
    windowing = Windowing(**groundedness.manifest.options)
    documents = [f"Room {number} has {number + 3} chairs and a table." for number in range(500)]
    passages = read_passages("Room 321 has 324 chairs.", documents, windowing)
    assert len(passages) == windowing.max_passages
    assert any("Room 321" in passage.text for passage in passages)


def test_what_lies_beyond_the_characters_that_are_read_is_not_seen(groundedness):
    windowing = Windowing(**groundedness.manifest.options).model_copy(update={"max_characters": 40})
    documents = ["Room 1 has 4 chairs.", "Room 2 has 5 chairs. Room 3 has 6 chairs.", "Room 4 has 7 chairs."]
    passages = read_passages("Room 1 has 4 chairs.", documents, windowing)
    assert [passage.text for passage in passages] == ["Room 1 has 4 chairs.", "Room 2 has 5 chairs."]


def test_of_a_very_long_answer_the_beginning_is_scored(groundedness, encoder):
    few = Windowing(**groundedness.manifest.options).model_copy(update={"max_characters": 60})
    short = Groundedness(groundedness.manifest.model_copy(update={"options": few.model_dump()}))
    answer = "Membership costs 12 euros a year. There is a swimming pool on the roof."
    documents = ["Membership costs 12 euros a year."]
    scored = evaluate(short, encoder, answer=answer[:34] + " " * 40 + answer[34:], documents=documents)
    assert (scored.label, scored.score) == ("pass", 1.0)
    assert evaluate(groundedness, encoder, answer=answer, documents=documents).label == "fail"


def test_documents_without_words_are_no_context(groundedness, encoder):
    assert evaluate(groundedness, encoder, answer="It is late.", documents=["", " 🎉 "]).label == "not_applicable"
