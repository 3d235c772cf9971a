import pytest

from otel_llm.evaluate.engine.words import words
from otel_llm_evaluators.groundedness.signals import SIGNALS, Vocabulary, signals


def signal(claim, context, name, *elsewhere):
    near = [words(sentence) for sentence in context]
    values = signals(words(claim), near, Vocabulary.of([*near, *map(words, elsewhere)]))
    return values[list(SIGNALS).index(name)]


@pytest.mark.parametrize(
    ("claim", "context", "share"),
    [
        ("It costs 12 euros.", "Twelve euros a year.", 1),
        ("It costs 12 euros.", "It costs 80 euros.", 0),
        ("It closes at 5 pm.", "It closes at 17.", 1),
        ("It closes at 5:30 p.m.", "It closes at 17:30.", 1),
        ("It closes at 9.", "It opens at 9:00.", 1),
        ("1,000 people and 7 dogs.", "A thousand people and 8 dogs.", 0.5),
        ("Nothing to count.", "12 euros", 1),
    ],
)
def test_numbers_are_compared_by_value_however_they_are_written(claim, context, share):
    assert signal(claim, [context], "numbers_in_context") == share


def test_words_are_covered_in_other_forms_of_them():
    assert signal("The library opened.", ["Libraries open."], "content_in_context") == 1
    assert signal("The pool opened.", ["Libraries open."], "content_in_context") == 0.5


def test_names_are_covered_wherever_they_stand():
    context = ["Peter runs the café.", "It was founded by Julia Stein."]
    assert signal("The owner is Peter.", context, "names_in_context") == 1
    assert signal("The owner is Karl.", context, "names_in_context") == 0


def test_what_is_said_elsewhere_in_the_documents_is_told_apart():
    claim, near, far = "In Rome Peter opened 3 libraries.", ["Libraries opened."], "Then Peter had 3 dogs in Rome."
    for of in ("content", "numbers", "names"):
        assert signal(claim, near, f"{of}_in_context", far) < 1
        assert signal(claim, near, f"{of}_in_documents", far) == 1


def test_the_longest_run_of_words_in_their_order_is_found():
    run = "longest_run"
    assert signal("the library opens at nine", ["The library opens at noon."], run) == 0.8
    assert signal("opens the library", ["The library opens."], run) == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("claim", "unlike"), [("Dogs are not allowed.", 1), ("Dogs aren't allowed.", 1), ("Dogs are allowed.", 0)]
)
def test_negation_is_compared_with_the_nearest_sentence(claim, unlike):
    assert signal(claim, ["Cats are not here.", "Dogs are allowed."], "negated_unlike_best") == unlike


@pytest.mark.parametrize("claim", ["", "🎉", "12", "?", "the of and", "ÄÖÜ ß 漢字", "x" * 10_000])
def test_signals_are_always_between_0_and_1(claim):
    context = [words("The library opens at 9.")]
    values = signals(words(claim), context, Vocabulary.of(context))
    assert values.shape == (len(SIGNALS),)
    assert ((values >= 0) & (values <= 1)).all()
