"""A right claim passes in every form that models write, and a wrong one fails in the same form."""

import pytest
from support.calls import call_with

from otel_llm.evaluate.kinds.loading import load_evaluators

CONTEXT = "The X200 vacuum cleaner is quiet. The X200 has a 2-year warranty. It weighs 3 kg and costs $249."
RIGHT, WRONG = "The X200 has a 2-year warranty", "The X200 has a 5-year warranty"


@pytest.fixture(scope="module")
def groundedness():
    (evaluator,) = load_evaluators(["groundedness"])
    return evaluator


def evaluate(evaluator, answer, *documents):
    (result,) = evaluator.evaluate(call_with(answer=answer, documents=documents), {})
    return result


FORMS = [
    "{} [1].",
    "{}. [1]",
    "{}[1].",
    "{} [1, 2].",
    "{} [1][3].",
    "{} [1-3].",
    "{} [doc1].",
    "{} [Source 2].",
    "{}[^1].",
    "{} (Source: manual.pdf).",
    "{} (see manual.pdf, p. 4).",
    "{} [manual.pdf].",
    "{}【1†source】.",
    "{}.¹",
    "{}.²˒³",
    "{} ([source](https://example.com/manual)).",
    "[{}](https://example.com/manual).",
    "{}.<sup>1</sup>",
    "1. {}.",
    "2) {}.",
    "a) {}.",
    "(b) {}.",
    "- {}.",
    "• {}.",
    "Step 1: {}.",
    "> {}.",
    "1️⃣ {}.",
    "**{}.**",
    "*{}.*",
    "__{}__.",
    "`{}`.",
    "## Warranty\n\n{}.",
    "**Warranty**\n\n{}.",
    "Summary:\n{}.",
    "Warranty\n===\n{}.",
    "{}.\n\nSources: [1] manual.pdf",
    "{}.\n\nSources:\n- manual.pdf\n- https://example.com/manual",
    "{}.\n\n## References\n1. Ardo X200 Manual, 2024 edition, p. 12",
    "{}.\n\n[1]: https://example.com/manual",
    "{}.\n\n📄 Source: manual.pdf",
    "{}.\n\n### ➡️ References\n1. manual.pdf",
    "{}. That is what the manual says.",
    "{}[^1].\n\n[^1]: manual.pdf",
    "```text\n{}.\n```",
    "Sure! {}.",
    "Certainly, here is what I found:\n\n{}.",
    "{}. Let me know if you have any other questions!",
    "{}. I hope this helps.",
    "{}. Would you like to know more about it?",
    "I'm sorry to hear that it broke. {}.",
    "I'm sorry, but {}.",
    "Unfortunately, {}.",
    "According to the provided documents, {}.",
    "Based on the context, {}.",
    "The manual says that {}.",
    "Yes, {}.",
    "Please note that {}.",
]


@pytest.mark.parametrize("form", FORMS)
def test_the_form_of_a_claim_changes_no_result(groundedness, form):
    right, wrong = (evaluate(groundedness, form.format(claim), CONTEXT) for claim in (RIGHT, WRONG))
    assert (right.label, right.score) == ("pass", 1.0)
    assert wrong.label == "fail"


@pytest.mark.parametrize(
    ("form", "right", "wrong"),
    [
        ("| Property | Value |\n|---|---|\n| Warranty | {} |", "2 years", "5 years"),
        ("| Model | Warranty | Price |\n|:--|:-:|--:|\n| X200 | 2 years | {} |", "$249", "$349"),
        ("|Feature|Details|\n|-|-|\n|Weight|{}|\n|Warranty|2 years|", "3 kg", "9 kg"),
        ("Here is what I know:\n\n- Warranty: 2 years\n- Weight: {}", "3 kg", "9 kg"),
        ("**Price:** {}", "$249", "$349"),
        ("It costs {}.", "249 dollars", "249 euros"),
        ("It costs {}.", "USD 249", "€249"),
        ("The warranty lasts {}.", "24 months", "24 weeks"),
        ("The X200 has a {} warranty.", "two-year", "three-year"),
    ],
)
def test_tables_lists_and_quantities_are_compared_by_their_values(groundedness, form, right, wrong):
    documents = (
        "The X200 has a 2-year warranty. Warranty: 2 years.",
        "It weighs 3 kg. It costs $249. Price: $249.",
    )
    assert evaluate(groundedness, form.format(right), *documents).label == "pass"
    assert evaluate(groundedness, form.format(wrong), *documents).label == "fail"


@pytest.mark.parametrize(
    "lacks",
    [
        "The context does not mention {}.",
        "There is no information about {} in the provided text.",
        "I don't have information about {} in the documents.",
        "I couldn't find any information on {}.",
        "The documents do not say anything about {}.",
        "{} is not mentioned in the context.",
        "No information about {} is provided in the documents.",
        "The provided documents contain no details about {}.",
        "I'm sorry, but the context doesn't include any information regarding {}.",
        "Based on the provided context, I cannot determine {}.",
        "Unfortunately, I don't know {}.",
        "I'm not sure about {}, as the documents don't mention it.",
    ],
)
def test_what_the_documents_lack_may_be_said_and_what_they_have_may_not_be_denied(groundedness, lacks):
    absent = evaluate(groundedness, lacks.format("the noise level"), CONTEXT)
    present = evaluate(groundedness, lacks.format("the warranty"), CONTEXT)
    assert absent.label == "pass"
    assert present.label == "fail"
    assert "nearest: “The X200 has a 2-year warranty.”" in present.explanation


def test_a_claim_beside_a_refusal_is_still_read(groundedness):
    answer = "The context does not mention the noise level, but {}."
    assert evaluate(groundedness, answer.format("the X200 has a 2-year warranty"), CONTEXT).label == "pass"
    assert evaluate(groundedness, answer.format("the X200 has a 5-year warranty"), CONTEXT).label == "fail"


@pytest.mark.parametrize(
    "answer",
    [
        "I don't know.",
        "You're welcome! Have a nice day.",
        "I cannot answer that based on the provided context.",
        "## Warranty",
        "How can I help you?",
        "I'm sorry for the inconvenience.",
    ],
)
def test_an_answer_that_claims_nothing_passes(groundedness, answer):
    result = evaluate(groundedness, answer, CONTEXT)
    assert (result.label, result.score) == ("pass", 0.7)


@pytest.mark.parametrize(
    "answer",
    [
        "Sources:\nThe X200 was made by NASA on the Moon.",
        f"{RIGHT}.\n\nSources:\n[1] The X200 was founded in 1850.",
        f"{RIGHT}.\n\n📄 Source: The X200 was founded in 1850.",
        f"{RIGHT}. That is what NASA says.",
        "## The X200 has a 5-year warranty",
        "**The warranty lasts five years.**",
        "The X200 costs 900 euros:\n\n- It is quiet.",
        f"{RIGHT}.\n\n[^1]: It is made by NASA and can fly to the Moon.",
        "Did you know that the X200 has a 5-year warranty?",
        "Let me know if you want to use the 5-year warranty.",
        "I'm sorry that the 5-year warranty has ended.",
        "We cannot provide refunds for the X200.",
        "The policy covers damage by fire.",
        "Visit https://x200.example/free-gift for a free gift.",
    ],
)
def test_a_wrong_claim_is_not_taken_for_form(groundedness, answer):
    assert evaluate(groundedness, answer, CONTEXT).label == "fail"


def test_marks_in_the_documents_are_no_words_either(groundedness):
    result = evaluate(groundedness, f"{RIGHT}.", "1. The X200 has a **2-year** warranty [3].")
    assert (result.label, result.score) == ("pass", 1.0)


def test_an_explanation_quotes_the_answer_as_it_is(groundedness):
    result = evaluate(groundedness, f"- It weighs 3 kg.\n- {WRONG} **[1]**.", CONTEXT)
    assert f"“{WRONG} **[1]**.”" in result.explanation
