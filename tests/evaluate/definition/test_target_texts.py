"""The texts on a side of a call: what was said, arguments of tool calls, results of tools."""

import json
import time

import pytest
from support.results import call as made_call

from otel_llm.evaluate.definition.target_texts import TargetText, target_texts
from otel_llm.genai.call import Message, Part

ALL = ("text", "tool_call", "tool_call_response")


def call(**fields):
    return made_call(**{"input": (), "output": ()} | fields)


def asked(text):
    return Message("user", (Part("text", text),))


def calling(arguments, name="http_post"):
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return Message("assistant", (Part("tool_call", text, name),))


def result(value):
    return Message("tool", (Part("tool_call_response", value if isinstance(value, str) else json.dumps(value)),))


def of_output(*messages):
    return target_texts(call(output=messages), "output", ALL)


def of_input(*messages):
    return [text.text for text in target_texts(call(input=messages), "input", ALL)]


def places(text: TargetText, value: str):
    start = text.text.index(value)
    return text.place(start, start + len(value))


def test_an_evaluator_that_asks_for_texts_gets_no_tool_calls():
    both = call(input=(asked("Hi"), result("r")), output=(calling({"a": "b"}),))
    assert target_texts(both, "output", ("text",)) == []
    assert [text.text for text in target_texts(both, "input", ("text",))] == ["Hi"]


def test_arguments_are_read_as_data():
    [text] = of_output(calling({"to": 'say "hi"\nand go', "n": 45, "flag": True, "none": None, "big": 1.25}))
    assert (text.name, text.text) == ("tool call http_post", 'to: say "hi"\nand go\nn: 45\nbig: 1.25')


@pytest.mark.parametrize(
    ("arguments", "value", "where"),
    [
        ({"card": "4539"}, "4539", ("tool call http_post, card", 0, 4)),
        ({"card": "My card: 4539"}, "4539", ("tool call http_post, card", 9, 13)),
        ({"a": "x", "items": [{"b": "y"}, {"b": "an é 4539"}]}, "4539", ("tool call http_post, items.1.b", 5, 9)),
        ({"body": json.dumps({"card": "é 4539"})}, "4539", ("tool call http_post, body.card", 2, 6)),
        ({"anna@posteo.net": "no"}, "anna@posteo.net", ("tool call http_post, name of 0", 0, 15)),
        ({"4539": {"anna@posteo.net": "4711"}}, "4711", ("tool call http_post, 0.0", 0, 4)),
        ("4539 plain", "4539", ("tool call http_post", 0, 4)),
        ('{"card": "4539', "4539", ("tool call http_post", 10, 14)),
    ],
)
def test_a_place_is_told_by_key_and_counts_in_the_value(arguments, value, where):
    [text] = of_output(calling(arguments))
    assert places(text, value) == where


def test_names_that_may_hold_values_are_not_told():
    first, second = of_output(calling("a", name="anna@posteo.net"), calling("b", name="send_mail"))
    assert (first.name, second.name) == ("tool call 1", "tool call send_mail")


def test_a_value_beside_its_name_is_labelled_by_it():
    [text] = of_output(calling({"headers": [{"name": "password", "value": "Xk9"}]}))
    assert "password: Xk9" in text.text


def test_only_results_since_the_last_message_of_the_assistant_count():
    first, second = result("one"), result({"text": "two"})
    assert of_input(asked("Q"), calling({"a": "b"}), first) == ["Q", "one"]
    assert of_input(asked("Q"), calling({}), first, calling({}), second) == ["Q", "text: two"]
    assert of_input(asked("Q"), calling({}), first, Message("assistant", (Part("text", "A"),)), asked("R")) == [
        "R"
    ]
    assert of_input(asked("Q"), result("no assistant")) == ["Q", "no assistant"]


def test_the_arguments_in_the_input_and_results_in_the_output_are_of_other_calls():
    assert of_input(calling({"card": "4539"}), asked("Q")) == ["Q"]
    assert of_output(result("4539")) == []


def test_empty_texts_are_none():
    assert of_output(calling({}), calling(""), calling(" ")) == []
    assert target_texts(call(), "output", ALL) == []


@pytest.mark.parametrize("depth", [7, 8, 30, 900, 950, 980, 990, 1000, 100_000])
def test_deep_json_is_read_however_deep_it_is(depth):
    [text] = of_output(calling("[" * depth + '"4539"' + "]" * depth))
    assert "4539" in text.text


@pytest.mark.parametrize("unit", ['{"a":1},', '"[",', '"[]]",', "[],", '{"name":"a","value":"b"},', '"{}",'])
def test_large_arguments_are_read_in_bounded_time(unit):
    for size in (450_000, 10_000_000):
        started = time.process_time()
        of_output(calling("[" + unit * (size // len(unit)) + "1]"))
        assert time.process_time() - started < 2
