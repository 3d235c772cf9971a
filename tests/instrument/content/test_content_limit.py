"""Content within a limit: what is cut first, and what is left of it."""

import json

from hypothesis import given
from hypothesis import strategies as st
from in_process import COMPLETION, client_for
from talk import ask

from otel_llm import names
from otel_llm.genai.messages import read_messages
from otel_llm.genai.problems import Source
from otel_llm.instrument.content.fit import fit


def fitted(items, limit):
    return fit(items, limit).text


def test_a_long_conversation_is_cut_from_its_oldest_text_on(exported):
    exported.instrument(capture_content=True, content_limit=350)
    texts = ["v" * 90, "w" * 90, "x" * 190, "y" * 9]
    ask(client_for(COMPLETION), messages=[{"role": "user", "content": text} for text in texts])

    text = exported.span.attributes[names.INPUT_MESSAGES]
    assert len(text) <= 350
    older, cut_one, whole = json.loads(text)
    assert older == {"role": "system", "parts": [{"type": "text", "content": "…[2 messages cut]"}]}
    (part,) = cut_one["parts"]
    kept, _, mark = part["content"].partition("…")
    assert kept == "x" * len(kept) != ""
    assert mark == f"[{190 - len(kept)} characters cut]"
    assert whole == {"role": "user", "parts": [{"type": "text", "content": "y" * 9}]}


def test_an_event_has_the_limit_too(exported):
    exported.instrument(capture_content="EVENT_ONLY", content_limit=200)
    ask(client_for(COMPLETION), messages=[{"role": "user", "content": "x"}] * 100)

    (event,) = exported.logs
    assert len(json.dumps(event.attributes[names.INPUT_MESSAGES], ensure_ascii=False, default=dict)) <= 200


def test_what_an_app_calls_name_or_type_in_its_own_structures_is_cut():
    arguments = {"name": "x" * 100_000, "type": {"a": "y" * 100_000}}
    call = {"type": "tool_call", "id": "call-1", "name": "weather", "arguments": arguments}

    text = fitted([{"role": "assistant", "parts": [call]}], 300)
    assert len(text) <= 300
    ((part,),) = (message["parts"] for message in json.loads(text))
    assert {**part, "arguments": None} == {**call, "arguments": None}
    assert part["arguments"].startswith('{"name": "xxx')
    assert part["arguments"].endswith("characters cut]")


def test_a_name_that_is_a_text_is_cut_as_one():
    text = fitted([{"role": "user", "name": "n" * 1000, "parts": [{"type": "text", "content": "Hello?"}]}], 300)

    assert len(text) <= 300
    assert json.loads(text)[0]["name"].endswith("characters cut]")


def test_many_short_messages_become_one_that_counts_them():
    messages = [{"role": "user", "parts": [{"type": "text", "content": "x"}]}] * 10_000

    older, *newest = json.loads(fitted(messages, 1000))
    assert older["parts"] == [{"type": "text", "content": f"…[{10_000 - len(newest)} messages cut]"}]
    assert newest == messages[: len(newest)] != []


def test_tools_and_answers_that_are_dropped_leave_one_of_their_own_kind():
    tools = [{"type": "function", "name": f"tool-{number}", "description": "x" * 90} for number in range(5)]
    answers = [{"role": "assistant", "parts": [{"type": "text", "content": "x"}], "finish_reason": "stop"}] * 5

    assert fit(tools, 0).items == [{"type": "function", "name": "…[5 tools cut]"}]
    assert fit(answers, 0).items == [
        {
            "role": "assistant",
            "parts": [{"type": "text", "content": "…[5 messages cut]"}],
            "finish_reason": "stop",
        }
    ]
    assert fit([], 0) == ([], "[]")


def test_the_texts_in_a_server_call_are_cut_and_it_stays_an_object():
    call = {"type": "server_tool_call", "id": "1", "name": "web_search"}
    parts = [
        {**call, "server_tool_call": {"type": "web_search", "arguments": {"query": "x" * 1000}, "short": "y"}}
    ]

    text = fitted([{"role": "assistant", "parts": parts, "finish_reason": "stop"}], 400)
    assert len(text) <= 400
    (part,) = json.loads(text)[0]["parts"]
    details = part.pop("server_tool_call")
    assert part == call
    assert (details["type"], details["short"]) == ("web_search", "y")
    assert details["arguments"].startswith('{"query": "xxx')
    assert details["arguments"].endswith("characters cut]")


def test_the_schema_of_a_tool_is_left_out_as_a_whole():
    properties = {"city": {"type": "string", "description": "x" * 1000}}
    tool = {"type": "function", "name": "f", "parameters": {"type": "object", "properties": properties}}

    (kept,) = json.loads(fitted([tool], 200))
    length = len(json.dumps(tool["parameters"]))
    assert kept == {"type": "function", "name": "f", "parameters": {"description": f"…[{length} characters cut]"}}
    assert json.loads(fitted([tool], 2000)) == [tool]


def test_a_long_description_costs_no_short_schema():
    parameters = {"type": "object", "properties": {"city": {"type": "string"}}}
    tool = {"type": "function", "name": "f", "parameters": parameters, "description": "x" * 1000}

    (kept,) = json.loads(fitted([tool], 300))
    assert kept["parameters"] == parameters
    assert kept["description"].endswith("characters cut]")


TEXTS = st.text(st.sampled_from('ab "\\\n\x00ß…'), max_size=150)
STRUCTURES = st.recursive(
    st.none() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "name", "x"]), inner),
    max_leaves=6,
)
PARTS = st.fixed_dictionaries({"type": st.just("text"), "content": TEXTS}) | st.fixed_dictionaries(
    {"type": st.just("tool_call"), "id": TEXTS, "name": TEXTS, "arguments": STRUCTURES}
)
MESSAGES = st.fixed_dictionaries({"role": st.just("user"), "parts": st.lists(PARTS, max_size=4)})


@given(st.lists(MESSAGES, max_size=5), st.integers(0, 1500))
def test_cut_content_is_of_the_schema_and_within_the_limit(messages, limit):
    text = fitted(messages, limit)
    shortened = json.loads(text)
    marker = [{"role": "system", "parts": [{"type": "text", "content": f"…[{len(messages)} messages cut]"}]}]

    assert len(text) <= max(limit, len(json.dumps(marker)))
    assert shortened == json.loads(json.dumps(fit(messages, limit).items))
    source = Source("messages")
    assert len(read_messages(shortened, source)) <= len(messages) + 1
    assert source.problems.found() == ()
    if len(json.dumps(messages, ensure_ascii=False)) <= limit:
        assert shortened == messages
