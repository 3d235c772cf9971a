import doctest

import pytest

from otel_llm.evaluate.engine import quantities
from otel_llm.evaluate.engine.words import words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("$5", "5 USD"),
        ("$5", "five dollars"),
        ("€4.90", "4.9 euros"),
        ("EUR 12", "12 €"),
        ("US$ 1,000", "1000 dollars"),
        ("1 000 people", "1,000 people"),
        ("1'200 people", "1200 people"),
        ("two thousand people", "2,000 people"),
        ("twenty-five items", "25 items"),
        ("one hundred and twenty items", "120 items"),
        ("1.5 million items", "1,500,000 items"),
        ("5k items", "5,000 items"),
        ("a dozen items", "12 items"),
        ("50%", "50 percent"),
        ("50 per cent", "50%"),
        ("24 hours", "a full day"),
        ("24 hours", "one day"),
        ("60 minutes", "an entire hour"),
        ("half an hour", "30 minutes"),
        ("a quarter of an hour", "15 minutes"),
        ("1.5 hours", "90 minutes"),
        ("36 months", "three years"),
        ("14 days", "2 weeks"),
        ("a decade", "ten years"),
        ("a 24-month warranty", "a 2-year warranty"),
        ("monthly", "once a month"),
        ("yearly", "annually"),
        ("daily", "once per day"),
        ("twice a day", "two times a day"),
        ("5 pm", "17:00"),
        ("9:30 a.m.", "9:30"),
        ("Monday to Friday", "weekdays"),
        ("100 GB", "100 gigabytes"),
    ],
)
def test_the_same_quantity_has_the_same_words(one, other):
    assert words(one).content == words(other).content
    assert words(one).number_forms & words(other).number_forms or not words(one).numbers


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("$5", "5 euros"),
        ("2 years", "2 months"),
        ("24 hours", "two days"),
        ("monthly", "weekly"),
        ("twice a day", "once a day"),
        ("1,000 people", "100 people"),
        ("5 pm", "5 am"),
        ("twenty-five items", "twenty items"),
        ("half an hour", "an hour"),
    ],
)
def test_another_quantity_has_other_words(one, other):
    assert words(one).content != words(other).content


@pytest.mark.parametrize(
    "text", ["one of them", "a day without rain", "In 2020 100 people came.", "No number here."]
)
def test_other_words_stay_as_they_are(text):
    assert quantities.in_one_form(text) == text


def test_examples_in_the_docstrings_hold():
    assert doctest.testmod(quantities).failed == 0
