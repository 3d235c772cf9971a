"""Streams of servers that speak the API with differences: what the app could read is what is recorded."""

import pytest
from chat_calls import answers, asking, call, finish_reasons, streamed
from in_process import COMPLETION, chunk, client_for, client_of_body, sse

from otel_llm import names

USAGE = {"prompt_tokens": 8, "completion_tokens": 9, "total_tokens": 17}
CITY = '{"city": "Graz"}'


def said(exported):
    [(parts, _)] = answers(exported)
    return parts


def text(content):
    return {"type": "text", "content": content}


def reasoning(content):
    return {"type": "reasoning", "content": content}


def thinking(content):
    return {"type": "thinking", "thinking": [{"type": "text", "text": content}]}


def piece(**fields):
    """Return a chunk with a piece of one tool call."""
    return chunk({"tool_calls": [fields]})


def function(name=None, arguments=None):
    return {key: value for key, value in {"name": name, "arguments": arguments}.items() if value is not None}


REASONED = {
    "Mistral's lists": (
        [
            {"content": [thinking("Ok")]},
            {"content": [thinking("ay")]},
            {"content": [{"type": "text", "text": "4"}]},
        ],
        [reasoning("Okay"), text("4")],
    ),
    "a list, then texts": (
        [{"content": [thinking("Okay")]}, {"content": "The sum "}, {"content": "is 4"}],
        [reasoning("Okay"), text("The sum is 4")],
    ),
    "texts in a list": ([{"content": ["Hel", {"type": "text", "text": "lo"}]}], [text("Hello")]),
    "OpenRouter's details": (
        [
            {"reasoning_details": [{"type": "reasoning.text", "text": "Ok", "index": 0}]},
            {"reasoning_details": [{"type": "reasoning.summary", "summary": "ay", "index": 0}]},
            {"reasoning_details": [{"type": "reasoning.encrypted", "data": "c2VjcmV0"}]},
            {"content": "4"},
        ],
        [reasoning("Okay"), text("4")],
    ),
    "a text and details": (
        [
            {"reasoning": "Okay", "reasoning_details": [{"type": "reasoning.text", "text": "Okay"}]},
            {"content": "4"},
        ],
        [reasoning("Okay"), text("4")],
    ),
    "two names": (
        [{"reasoning": "Okay", "reasoning_content": "Okay"}, {"content": "4"}],
        [reasoning("Okay"), text("4")],
    ),
    "texts of the types of Responses, and without a type": (
        [{"content": [{"type": "output_text", "text": "Hel"}]}, {"content": [{"text": "l"}]}, {"content": "o"}],
        [text("Hello")],
    ),
    "a refusal in a list": (
        [{"content": [{"type": "refusal", "refusal": each}]} for each in ("I will ", "not.")],
        [{**text("I will not."), "refusal": True}],
    ),
    "reasoning that is an object": (
        [{"reasoning": {"content": "Okay"}}, {"content": "4"}],
        [reasoning("Okay"), text("4")],
    ),
    "a part of another kind": (
        [{"content": "See "}, {"content": [{"type": "reference", "reference_ids": [1]}]}],
        [text("See "), {"type": "reference", "reference_ids": [1]}],
    ),
}


@pytest.mark.parametrize("case", REASONED)
def test_a_streamed_content_is_read_in_all_its_forms(captured, case):
    deltas, parts = REASONED[case]
    streamed(*map(chunk, deltas), chunk({}, finish_reason="stop"))

    assert said(captured) == parts


@pytest.mark.parametrize(
    "message",
    [
        {"content": [thinking("Okay"), {"type": "text", "text": "4"}]},
        {"content": "4", "reasoning": "Okay"},
        {
            "content": "4",
            "reasoning_content": "Okay",
            "reasoning_details": [{"type": "reasoning.text", "text": "Okay"}],
        },
        {"content": "4", "reasoning_details": [{"type": "reasoning.text", "text": "Okay"}]},
    ],
)
def test_the_reasoning_of_a_whole_answer_is_a_part(captured, message):
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", **message}}
    client_for({**COMPLETION, "choices": [choice]}).chat.completions.create(**asking("odd"))

    assert said(captured) == [reasoning("Okay"), text("4")]


@pytest.mark.parametrize("item", [{"type": "output_text", "text": "Hello"}, {"text": "Hello"}])
def test_the_text_of_a_whole_answer_may_be_of_another_type(captured, item):
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": [item]}}
    client_for({**COMPLETION, "choices": [choice]}).chat.completions.create(**asking("odd"))

    assert said(captured) == [text("Hello")]


def test_tokens_under_the_names_of_responses_are_counted(captured):
    usage = {"input_tokens": 8, "output_tokens": 9, "total_tokens": 17}
    streamed(chunk({"content": "Hello"}, finish_reason="stop"), {**chunk({}), "choices": [], "usage": usage})

    attributes = captured.span.attributes
    assert (attributes[names.USAGE_INPUT_TOKENS], attributes[names.USAGE_OUTPUT_TOKENS]) == (8, 9)


def test_data_that_is_no_json_costs_no_other_chunk_of_a_raw_stream(captured):
    broken = sse(chunk({"content": "Hel"})).removesuffix(b"data: [DONE]\n\n") + b'data: {"id": \n\n'
    client = client_of_body(broken + sse(chunk({"content": "lo"}, finish_reason="stop")), "text/event-stream")
    with client.chat.completions.with_streaming_response.create(**asking("odd"), stream=True) as response:
        list(response.iter_lines())

    assert answers(captured) == [([text("Hello")], "stop")]


def test_a_number_that_no_double_holds_costs_no_other_parameter(captured):
    client_for(COMPLETION).chat.completions.create(**asking("odd"), temperature=10**400, top_p=0.5)

    attributes = captured.span.attributes
    assert (attributes.get(names.REQUEST_TEMPERATURE), attributes[names.REQUEST_TOP_P]) == (None, 0.5)


def test_messages_in_place_of_deltas_are_read(captured):
    bare = [{"index": 0, "message": {"role": "assistant", "content": each}} for each in ("Hel", "lo")]
    streamed(*({**chunk({}), "choices": [choice]} for choice in bare), chunk({}, finish_reason="stop"))

    assert answers(captured) == [([text("Hello")], "stop")]


def test_the_whole_message_at_the_end_of_a_stream_is_no_further_piece(captured):
    whole = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello"}}
    streamed(chunk({"content": "Hel"}), chunk({"content": "lo"}), {**chunk({}), "choices": [whole]})

    assert said(captured) == [text("Hello")]


TOOLS = {
    "the name in each chunk": (
        [
            piece(index=0, id="c1", function=function("read_file", '{"ci')),
            piece(index=0, id="c1", function=function("read_file", 'ty": ')),
            piece(index=0, id="c1", function=function("read_file", '"Graz"}')),
        ],
        [call("c1", "read_file", {"city": "Graz"})],
    ),
    "the whole call in each chunk": (
        [piece(index=0, id="c1", function=function("f", CITY))] * 3,
        [call("c1", "f", {"city": "Graz"})],
    ),
    "the arguments so far in each chunk": (
        [piece(index=0, id="c1", function=function("f", CITY[:end])) for end in (5, 9, len(CITY))],
        [call("c1", "f", {"city": "Graz"})],
    ),
    "the whole arguments at the end": (
        [piece(index=0, id="c1", function=function("f", each)) for each in (CITY[:5], CITY[5:], CITY)],
        [call("c1", "f", {"city": "Graz"})],
    ),
    "an empty object first": (
        [piece(index=0, id="c1", function=function("f", each)) for each in ("{}", CITY[:5], CITY[5:])],
        [call("c1", "f", {"city": "Graz"})],
    ),
    "objects inside the arguments": (
        [
            piece(index=0, id="c1", function=function(None, each))
            for each in ('{"a": ', '{"b": ', '{"c": 1}', "}}")
        ],
        [call("c1", "", {"a": {"b": {"c": 1}}})],
    ),
    "arguments that are an object": (
        [piece(index=0, id="c1", function=function("f", {"city": "Graz"}))],
        [call("c1", "f", {"city": "Graz"})],
    ),
    "no index and no ids": (
        [
            piece(function=function("f", CITY[:5])),
            piece(function=function(None, CITY[5:])),
            piece(function=function("g", "{}")),
        ],
        [call(None, "f", {"city": "Graz"}), call(None, "g", {})],
    ),
    "an index that is a text": (
        [
            piece(index="0", id="c1", function=function("f", CITY[:5])),
            piece(index="1", id="c2", function=function("g", "{}")),
            piece(index="0", function=function(None, CITY[5:])),
        ],
        [call("c1", "f", {"city": "Graz"}), call("c2", "g", {})],
    ),
    "one index for all calls": (
        [
            piece(index=0, id="c1", function=function("f", CITY)),
            piece(index=0, id="c2", function=function("f", "{}")),
        ],
        [call("c1", "f", {"city": "Graz"}), call("c2", "f", {})],
    ),
    "a new id in each chunk": (
        [
            piece(index=0, id="c1", function=function("f", CITY[:5])),
            piece(index=0, id="c2", function=function(None, CITY[5:])),
        ],
        [call("c1", "f", {"city": "Graz"})],
    ),
    "an empty id and name later": (
        [
            piece(index=0, id="c1", function=function("f", CITY[:5])),
            piece(index=0, id="", function=function("", CITY[5:])),
        ],
        [call("c1", "f", {"city": "Graz"})],
    ),
    "two calls, interleaved": (
        [
            piece(index=0, id="c1", function=function("f", CITY[:5])),
            piece(index=1, id="c2", function=function("f", CITY[:5])),
            piece(index=0, function=function(None, CITY[5:])),
            piece(index=1, function=function(None, CITY[5:])),
        ],
        [call("c1", "f", {"city": "Graz"}), call("c2", "f", {"city": "Graz"})],
    ),
    "arguments cut off": (
        [piece(index=0, id="c1", function=function("f", each)) for each in ('{"a": ', '{"b": 1}')],
        [call("c1", "f", '{"a": {"b": 1}')],
    ),
    "pieces of no kind": ([chunk({"tool_calls": [None, "x", 5]}), chunk({"tool_calls": "x"})], []),
}


@pytest.mark.parametrize("case", TOOLS)
def test_the_tool_calls_of_a_stream_are_those_that_the_app_got(captured, case):
    chunks, calls = TOOLS[case]
    streamed(*chunks, chunk({}, finish_reason="tool_calls"))

    assert [{"id": None, **part} for part in said(captured)] == calls
    assert finish_reasons(captured) == ("tool_call",)


@pytest.mark.parametrize(
    "odd",
    [
        {"choices": None},
        {"choices": [None]},
        {"choices": ["x"]},
        {"choices": {"a": 1}},
        {"choices": [{}]},
        {},
        {"choices": [{"index": "0", "delta": None}]},
        {"choices": [{"delta": "x"}]},
        {"choices": 5},
    ],
)
def test_a_chunk_of_another_form_costs_no_other_chunk(captured, odd):
    streamed(chunk({"content": "Hel"}), odd, chunk({"content": "lo"}, finish_reason="stop", usage=USAGE))

    assert answers(captured) == [([text("Hello")], "stop")]
    assert captured.span.attributes[names.USAGE_OUTPUT_TOKENS] == 9
