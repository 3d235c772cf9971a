"""What a request or an answer holds that OTLP cannot: that value is left out, and nothing else."""

import json
import math

import pytest
from in_process import COMPLETION, client_for, client_of_body
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

from otel_llm import names
from otel_llm.instrument.content.preparation import Preparation
from otel_llm.instrument.lifecycle.attributes import encodable

ASK = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello?"}]}
BIG = 2**70


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (2**63 - 1, 2**63 - 1), (-(2**63), -(2**63)), (2**63, None), (-(2**63) - 1, None),
        (1.5, 1.5), (math.nan, None), (math.inf, None), (True, True),
        ("a", "a"), ("", ""), ("\ud83d", "\ufffd"),
        (["a", "b"], ["a", "b"]), (("a", None, 1, BIG), ["a"]), ([None, 1, 2], [1, 2]),
        ([BIG], []), ([[1], {}], []),

        ([math.nan, 1.5], [1.5]), ([True, False], [True, False]), ([1, True], [1]),
        (None, None), (b"a", None), ({"a": 1}, None), ({1, 2}, None), (object(), None),
    ],
)  # fmt: skip
def test_a_value_is_kept_where_it_can_be_encoded(value, kept):
    assert encodable({"before": 1, "value": value, "after": 2}) == {
        "before": 1, **({} if kept is None else {"value": kept}), "after": 2,
    }  # fmt: skip


def test_long_texts_and_lists_are_cut():
    cut = encodable({"text": "x" * 10_000_000, "texts": ["y" * 100_000] * 5, "numbers": list(range(5_000))})

    assert cut["text"] == "x" * 65_536
    assert cut["texts"] == ["y" * 4_096] * 5
    assert cut["numbers"] == list(range(1_000))


@pytest.mark.parametrize(
    ("asked", "left_out"),
    [
        ({"seed": BIG}, names.REQUEST_SEED), ({"seed": -BIG}, names.REQUEST_SEED),
        ({"max_tokens": BIG}, names.REQUEST_MAX_TOKENS), ({"n": BIG}, names.REQUEST_CHOICE_COUNT),
    ],
)  # fmt: skip
def test_an_integer_beyond_64_bits_costs_nothing_else(instrumented, capfd, caplog, asked, left_out):
    client_for(COMPLETION).chat.completions.create(**ASK, **asked, temperature=0.5)

    span = instrumented.span
    assert left_out not in span.attributes
    assert span.attributes[names.REQUEST_TEMPERATURE] == 0.5
    assert span.attributes[names.USAGE_INPUT_TOKENS] == 10
    assert encode_spans([span]).SerializeToString()
    assert capfd.readouterr().err == ""
    assert caplog.text == ""


def test_a_seed_within_64_bits_is_recorded(instrumented):
    client_for(COMPLETION).chat.completions.create(**ASK, seed=-(2**63))

    assert instrumented.span.attributes[names.REQUEST_SEED] == -(2**63)


def test_half_characters_cost_no_batch(instrumented):
    client_of_body(json.dumps({**COMPLETION, "model": "\ud83d"}).encode()).chat.completions.create(**ASK)
    with pytest.raises(UnicodeEncodeError):
        client_for(COMPLETION).chat.completions.create(model="\ud83d", messages=[])

    answered, refused = sorted(instrumented.spans, key=lambda span: len(span.name), reverse=True)
    assert answered.attributes[names.RESPONSE_MODEL] == "\ufffd"
    assert refused.name == "chat \ufffd"
    assert encode_spans([answered, refused]).SerializeToString()


def test_integers_in_the_arguments_of_a_tool_are_texts_where_they_are_too_long(exported, capfd):
    exported.instrument(capture_content="SPAN_AND_EVENT", redact="all")
    arguments = {"small": 5, "big": 2**64, "deep": [{"big": -(2**70)}]}
    call = {"id": "call-1", "type": "function", "function": {"name": "f", "arguments": arguments}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    client_for(COMPLETION).chat.completions.create(model="m", messages=[message])

    ((part,),) = (said["parts"] for said in json.loads(exported.span.attributes[names.INPUT_MESSAGES]))
    assert part["arguments"] == {"small": 5, "big": str(2**64), "deep": [{"big": str(-(2**70))}]}
    (event,) = exported.logs
    assert event.attributes[names.INPUT_MESSAGES][0]["parts"][0]["arguments"]["big"] == str(2**64)
    assert capfd.readouterr().err == ""


def test_an_integer_that_python_refuses_to_print_is_hexadecimal():
    part = Preparation(None).item({"type": "tool_call", "id": "1", "name": "f", "arguments": [16**5000]})

    assert part["arguments"] == ["0x1" + "0" * 5000]
