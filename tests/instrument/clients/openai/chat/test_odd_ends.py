"""Token counts and finish reasons of servers that speak the API with differences."""

import pytest
from chat_calls import answers, asking, finish_reasons, streamed
from in_process import COMPLETION, chunk, client_for

from otel_llm import names


def counts(exported):
    attributes = exported.span.attributes
    return attributes.get(names.USAGE_INPUT_TOKENS), attributes.get(names.USAGE_OUTPUT_TOKENS)


def usage(asked, answered, **fields):
    return {"prompt_tokens": asked, "completion_tokens": answered, **fields}


def ending(**fields):
    return {**chunk({}), "choices": [{"index": 0, "delta": {}, "finish_reason": "stop", **fields}]}


USED = {
    "in the choice (Moonshot)": ([ending(usage=usage(8, 9))], (8, 9)),
    "in a choice before the last": ([ending(usage=usage(8, 9), finish_reason=None), ending()], (8, 9)),
    "in the choice and the chunk": (
        [{**ending(usage=usage(8, 1)), "usage": usage(8, 1)}, chunk({}, usage=usage(8, 9))],
        (8, 9),
    ),
    "zeros at the end": ([chunk({}, usage=usage(8, 9)), chunk({}, usage=usage(0, 0, total_tokens=0))], (8, 9)),
    "zeros alone": ([chunk({}, usage=usage(0, 0))], (0, 0)),
    "zeros first": ([chunk({}, usage=usage(0, 0)), chunk({}, usage=usage(8, 9))], (8, 9)),
    "in each chunk (vLLM)": ([chunk({}, usage=usage(8, each)) for each in range(10)], (8, 9)),
    "null": ([chunk({}, usage=usage(8, 9)), chunk({}, usage=None)], (8, 9)),
    "negative": ([chunk({}, usage=usage(-1, 9))], (None, 9)),
    "booleans": ([chunk({}, usage=usage(True, 9))], (None, 9)),
    "texts": ([chunk({}, usage=usage("8", 9))], (None, 9)),
    "whole floats": ([chunk({}, usage=usage(8.0, 9.5))], (8, None)),
    "beyond 64 bits": ([chunk({}, usage=usage(2**64, 9))], (None, 9)),
    "a list": ([chunk({}, usage=[8, 9])], (None, None)),
    "a text": ([chunk({}, usage="none")], (None, None)),
    "in x_groq": ([chunk({}, finish_reason="stop", x_groq={"usage": usage(8, 9)})], (8, 9)),
}


@pytest.mark.parametrize("case", USED)
def test_the_tokens_of_a_stream_are_counted_wherever_they_are(instrumented, case):
    chunks, expected = USED[case]
    streamed(chunk({"content": "Hello."}), *chunks)

    assert counts(instrumented) == expected


@pytest.mark.parametrize("case", ["negative", "booleans", "texts", "whole floats", "beyond 64 bits", "null"])
def test_counts_of_a_whole_answer_that_are_none_are_left_out(instrumented, case):
    chunks, expected = USED[case]
    client_for({**COMPLETION, "usage": chunks[0]["usage"]}).chat.completions.create(**asking("odd"))

    assert counts(instrumented) == expected


REASONS = [
    ("eos", "stop"),
    ("STOP", "stop"),
    ("end_turn", "stop"),
    ("COMPLETE", "stop"),
    ("stop", "stop"),
    ("max_tokens", "length"),
    ("MAX_TOKENS", "length"),
    ("model_length", "length"),
    ("REASON_MAX_LEN", "length"),
    ("model_context_window_exceeded", "length"),
    ("FinishReason.MAX_TOKENS", "length"),
    ("tool_calls", "tool_call"),
    ("tool_use", "tool_call"),
    ("tool-calls", "tool_call"),
    ("SAFETY", "content_filter"),
    ("sensitive", "content_filter"),
    ("guardrail_intervened", "content_filter"),
    ("content_filter: PROHIBITED_CONTENT", "content_filter"),
    ("pause_turn", "pause_turn"),
    ("CONTINUATION", "CONTINUATION"),
    ("TIMEOUT", "TIMEOUT"),
    ("abort", "abort"),
]


@pytest.mark.parametrize(("reason", "recorded"), REASONS)
@pytest.mark.parametrize("stream", [False, True])
def test_a_finish_reason_has_the_conventions_word(captured, reason, recorded, stream):
    choice = {**COMPLETION["choices"][0], "finish_reason": reason}
    answer = [chunk({"content": "Hi"}, finish_reason=reason)] if stream else {**COMPLETION, "choices": [choice]}
    result = client_for(answer).chat.completions.create(**asking("odd"), stream=stream)
    if stream:
        list(result)

    assert finish_reasons(captured) == (recorded,)
    [(_, of_message)] = answers(captured)
    assert of_message == recorded


@pytest.mark.parametrize("reason", ["", "null", None, "FINISH_REASON_UNSPECIFIED"])
@pytest.mark.parametrize("stream", [False, True])
def test_a_reason_that_nobody_told_is_none_and_no_error(captured, reason, stream):
    choice = {**COMPLETION["choices"][0], "finish_reason": reason}
    answer = [chunk({"content": "Hi"}, finish_reason=reason)] if stream else {**COMPLETION, "choices": [choice]}
    result = client_for(answer).chat.completions.create(**asking("odd"), stream=stream)
    if stream:
        list(result)

    assert names.RESPONSE_FINISH_REASONS not in captured.span.attributes
    assert names.ERROR_TYPE not in captured.span.attributes
    [(_, of_message)] = answers(captured)
    assert of_message == "unknown"


def test_a_reason_that_comes_after_an_empty_one_counts(instrumented):
    streamed(
        chunk({"content": "Hi"}, finish_reason=""), chunk({}, finish_reason="length"), chunk({}, finish_reason="")
    )

    assert finish_reasons(instrumented) == ("length",)


def test_a_stream_left_early_says_that_no_reason_was_told(captured):
    stream = client_for([chunk({"content": "Hel"}), chunk({"content": "lo"})]).chat.completions.create(
        **asking("odd"), stream=True
    )
    next(stream)
    stream.close()

    assert answers(captured) == [([{"type": "text", "content": "Hel"}], "unknown")]
    assert names.ERROR_TYPE not in captured.span.attributes
