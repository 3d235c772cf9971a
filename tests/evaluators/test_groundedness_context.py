import pytest

from otel_llm.evaluate.engine.words import words
from otel_llm_evaluators.groundedness.context import Context

ROOMS = [f"Room {number} is on floor {number % 7} and has {number + 3} chairs." for number in range(200)]


def read(*documents, max_characters=100_000):
    return Context.read(documents, max_characters=max_characters)


def evidence(context, claim, max_characters=300):
    return [each.text for each in context.evidence(words(claim), max_characters=max_characters)]


def test_a_context_that_fits_is_read_whole_and_in_order():
    context = read("It opens at 9. It closes at 17.", "Cards are free.")
    assert evidence(context, "Cards are free.") == ["It opens at 9.", "It closes at 17.", "Cards are free."]


def test_of_a_long_context_the_sentences_that_say_the_most_of_the_claim_are_read():
    context = read(" ".join(ROOMS), "The red room was painted in spring.")
    found = evidence(context, "Room 131 has 134 chairs and was painted in spring.")
    assert ROOMS[131] in found
    assert "The red room was painted in spring." in found
    assert sum(map(len, found)) <= 300


def test_each_sentence_adds_what_those_before_it_have_not_said():
    twice = "Ada Lovelace wrote the first program."
    context = read(" ".join([twice] * 20 + ROOMS[:40] + ["The engine was built by Charles Babbage in London."]))
    found = evidence(
        context, "Ada Lovelace wrote the first program for the engine of Babbage.", max_characters=120
    )
    assert "The engine was built by Charles Babbage in London." in found


def test_what_stands_beside_a_chosen_sentence_comes_before_what_has_nothing_to_do_with_the_claim():
    context = read(" ".join([*ROOMS[:50], "Ada Lovelace was born in 1815.", "She wrote of engines.", *ROOMS[50:]]))
    assert "She wrote of engines." in evidence(context, "Ada Lovelace was born in 1815.", max_characters=60)


def test_a_claim_that_shares_no_word_is_read_beside_the_beginning():
    assert evidence(read(" ".join(ROOMS)), "Nothing whatsoever!")[0] == ROOMS[0]


def test_a_sentence_longer_than_all_that_is_read_is_read_in_parts():
    context = read("word " * 1000)
    assert len(context.said) > 1
    assert len(evidence(context, "A word.")) == 1  # the first, whatever its length


@pytest.mark.parametrize("documents", [[], [""], [" 🎉 "]])
def test_documents_without_words_say_nothing(documents):
    assert read(*documents).said == ()


def test_what_lies_beyond_the_characters_that_are_read_is_not_seen():
    documents = ["Room 1 has 4 chairs.", "Room 2 has 5 chairs. Room 3 has 6 chairs.", "Room 4 has 7 chairs."]
    context = read(*documents, max_characters=40)
    assert [each.text for each in context.said] == [*documents[:1], "Room 2 has 5 chairs."]


def test_a_sentence_is_said_in_other_forms_of_its_words_and_not_in_another_order():
    context = read("The card is free. A lost card is replaced for 3 dollars.")
    assert context.says(words("a lost card is replaced for three dollars"))
    assert not context.says(words("For 3 dollars a lost card is replaced."))
