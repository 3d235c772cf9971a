import json

import pytest

from otel_llm.errors import RecordError
from otel_llm.evaluate.offline.records import Record, RecordResult, call_of, read_record


def read(number=1, **keys):
    return read_record(keys, number)


def test_a_record_with_all_keys_becomes_a_call():
    call = call_of(
        read(
            id="a", input="What is it?", output="12 euros.", context=["It is 12 euros.", " "], system="Be brief.",
            choices=["80 euros.", "12 euros."], logprobs=[-0.5, 0.0],
        )
    )  # fmt: skip
    assert (call.input_text, call.output_text, call.system) == ("What is it?", "12 euros.", "Be brief.")
    assert call.documents == ("It is 12 euros.",)
    assert call.choices == ("12 euros.", "80 euros.")
    assert call.logprobs == (-0.5, 0.0)


def test_an_output_that_is_none_of_the_choices_comes_before_them():
    assert call_of(read(output="A", choices=["B", "C"])).choices == ("A", "B", "C")


def test_without_an_output_the_first_choice_is_the_answer():
    call = call_of(read(choices=["A", "B"]))
    assert (call.output_text, call.choices) == ("A", ("A", "B"))


def test_of_several_choices_only_the_answer_is_judged():
    assert call_of(read(output="A", choices=["B", "A"])).output_text == "A"


def test_a_context_may_be_one_text():
    assert call_of(read(output="A", context="B")).documents == ("B",)


def test_the_ids_of_a_call_follow_from_the_record_id():
    first, same, other = (call_of(read(output=text, id=id_)) for text, id_ in (("A", 1), ("B", 1), ("A", "1")))
    assert (first.trace_id, first.span_id) == (same.trace_id, same.span_id)
    assert first.trace_id != other.trace_id
    assert (len(first.trace_id), len(first.span_id)) == (32, 16)


def test_without_an_id_the_number_is_the_id():
    assert read(output="A", number=12).id == 12


def test_calls_and_results_of_tools_are_parts_of_the_call():
    called = {"name": "http_post", "arguments": {"to": "a@b.de"}}
    of_openai = {"id": "1", "type": "function", "function": {"name": "clock", "arguments": '{"zone": "CET"}'}}
    call = call_of(read(input="Q", tool_results=["9", {"t": 57}], tool_calls=[called, of_openai]))
    assert [(part.name, part.text) for part in call.output[0].parts] == [
        ("http_post", '{"to": "a@b.de"}'),
        ("clock", '{"zone": "CET"}'),
    ]
    assert (call.input_text, call.output_text, call.tool_results) == ("Q", "", ("9", '{"t": 57}'))
    assert call.documents == ("9", '{"t": 57}')
    assert call_of(read(output="A", context=["C"], tool_results=["9"])).documents == ("C",)
    assert call_of(read(output="A", choices=["B"], tool_calls=[called])).choices == ("A", "B")


def test_null_is_as_good_as_left_out():
    nothing = dict.fromkeys(
        ("id", "input", "context", "system", "choices", "logprobs", "tool_calls", "tool_results")
    )
    assert read_record({"output": "A", **nothing}, 3) == Record(id=3, output="A")


def test_other_keys_are_passed_by():
    assert read(output="A", expected="B", score=float("nan")) == Record(id=1, output="A")


def test_half_a_character_is_replaced():
    assert read(output="a\ud83d", id="\udc00").output == "a\ufffd"
    assert json.dumps(read(output="a", id="\udc00").id, ensure_ascii=False).encode()


def test_our_dataclass_is_read_and_checked_as_a_mapping_is():
    assert read_record(Record(output="A", context="B"), 1) == Record(id=1, output="A", context=("B",))
    with pytest.raises(RecordError, match=r"output: must be a text, got 3"):
        read_record(Record(output=3), 1)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({}, "output: is missing"),
        ({"answer": "A"}, "output: is missing among 'answer'"),
        ({"output": None}, "output: is missing"),
        ({"choices": []}, "output: is missing"),
        ({"output": 3}, "output: must be a text, got 3"),
        ({"output": "A", "id": 1.5}, "id: must be a text or a whole number, got 1.5"),
        ({"output": "A", "id": True}, "id: must be a text or a whole number, got true"),
        ({"output": "A", "input": [{"role": "user"}]}, 'input: must be a text, got [{"role": "user"}]'),
        ({"output": "A", "system": {"a": 1}}, "system: must be a text, got an object"),
        ({"output": "A", "context": 3}, "context: must be a list of texts, got 3"),
        ({"output": "A", "context": float("nan")}, "context: must be a list of texts, got NaN"),
        ({"output": "A", "context": ["B", {"text": "C"}]}, "context[1]: must be a text, got an object"),
        ({"output": "A", "context": [None]}, "context[0]: must be a text, got null"),
        ({"output": "A", "choices": "B"}, 'choices: must be a list of texts, got "B"'),
        ({"output": "A", "choices": ["B", 2]}, "choices[1]: must be a text, got 2"),
        ({"tool_calls": {"name": "f"}}, "tool_calls: must be a list of calls of tools, got an object"),
        ({"tool_calls": ["f"]}, 'tool_calls[0]: must be an object such as {"name": "http_post", "arguments": {}}'),
        ({"tool_calls": [{"function": None}]}, "tool_calls[0]: must be an object such as"),
        ({"output": "A", "tool_results": "9"}, "tool_results: must be a list of texts or values of JSON"),
        ({"output": "A", "logprobs": -0.5}, "logprobs: must be a list of numbers, one per token of the answer"),
        ({"output": "A", "logprobs": ["-1"]}, 'logprobs[0]: must be a number, got "-1"'),
        ({"output": "A", "logprobs": [True]}, "logprobs[0]: must be a number, got true"),
        ({"output": "A", "logprobs": [-1, float("nan")]}, "logprobs[1]: must be the natural logarithm"),
        ({"output": "A", "logprobs": [float("-inf")]}, "finite and at most 0, got -Infinity"),
        ({"output": "A", "logprobs": [0.7]}, "finite and at most 0, got 0.7"),
        ({"output": "A", "context": set()}, "context: must be a list of texts, got set"),
    ],
)
def test_a_wrong_value_is_named_with_its_key(keys, message):
    with pytest.raises(RecordError) as raised:
        read_record(keys, 1)
    assert message in str(raised.value)


def test_what_is_no_object_is_refused():
    with pytest.raises(RecordError, match="must be an object"):
        read_record("A", 1)


def test_a_long_wrong_value_is_shortened():
    with pytest.raises(RecordError) as raised:
        read(output="A", choices="b" * 10_000)
    assert len(str(raised.value)) < 250


def test_a_result_has_six_keys_in_their_order():
    result = RecordResult("a", "toxicity", "output", 0.5, "fail", "why")
    assert list(result.to_dict().items()) == [
        ("id", "a"),
        ("evaluator", "toxicity"),
        ("target", "output"),
        ("score", 0.5),
        ("label", "fail"),
        ("explanation", "why"),
    ]
