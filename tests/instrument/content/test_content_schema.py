"""Content is of the conventions' schemas: every kind of part, whole or cut, on spans and on events."""

import base64
import hashlib
import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from in_process import COMPLETION, chunk, client_for

from otel_llm import names
from otel_llm.instrument.content.fit import fit
from otel_llm.instrument.content.preparation import Preparation
from otel_llm.instrument.content.redact import redaction

SCHEMAS = json.loads((Path(__file__).parent / "schemas" / "content.json").read_text())
ROOTS = {
    names.INPUT_MESSAGES: "InputMessages",
    names.OUTPUT_MESSAGES: "OutputMessages",
    names.SYSTEM_INSTRUCTIONS: "SystemInstructions",
    names.TOOL_DEFINITIONS: "ToolDefinitions",
}
PNG = base64.b64encode(b"\x89PNG" * 20_000).decode()
MESSAGES = [
    {"role": "system", "content": "Be brief."},
    {"role": "developer", "content": [{"type": "text", "text": "Use the tools."}]},
    {
        "role": "user",
        "name": "ann",
        "content": [
            {"type": "text", "text": "What is this?"},
            {"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}},
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
            {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
            {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERg=="}},
            {"type": "file", "file": {"file_id": "file-1"}},
            {"type": "of_tomorrow", "holds": {"data": f"data:image/png;base64,{PNG}"}},
        ],
    },
    {
        "role": "assistant",
        "content": None,
        "audio": {"id": "audio-1"},
        "tool_calls": [
            {"id": "call-1", "type": "function", "function": {"name": "look", "arguments": '{"at": [1, null]}'}},
            {"id": "call-2", "type": "function", "function": {"name": "look", "arguments": "{not JSON"}},
            {"id": "call-3", "type": "custom", "custom": {"name": "run", "input": "print(1)"}},
        ],
    },
    {"role": "tool", "tool_call_id": "call-1", "content": [{"type": "text", "text": "A cat."}]},
    {"role": "assistant", "content": None, "function_call": {"name": "look", "arguments": "null"}},
    {"role": "function", "name": "look", "content": "A cat."},
    {"role": "assistant", "content": [{"type": "refusal", "refusal": "I will not."}], "refusal": "No."},
    {"role": "user", "content": "Go on.", "reasoning_content": "why"},
]
TOOLS = [
    {
        "type": "function",
        "function": {"name": "look", "description": "Looks.", "parameters": {"type": "object", "properties": {}}},
    },
    {"type": "custom", "custom": {"name": "run"}},
]
ANSWER = {
    **COMPLETION,
    "choices": [
        {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "A cat."}},
        {"index": 1, "finish_reason": "content_filter", "message": {"role": "assistant", "refusal": "No."}},
        {
            "index": 2,
            "finish_reason": "tool_calls",
            "message": {
                "role": "assistant",
                "tool_calls": [{"id": "1", "type": "function", "function": {"name": "look", "arguments": "{}"}}],
            },
        },
        {
            "index": 3,
            "finish_reason": "length",
            "message": {
                "role": "assistant",
                "audio": {"id": "audio-2", "data": "UklGRg==", "transcript": "A c", "expires_at": 1},
            },
        },
    ],
}


def validate(name, items):
    jsonschema.validate(items, {**SCHEMAS, "$ref": f"#/$defs/{ROOTS[name]}"})


def as_json(structure):
    return json.loads(json.dumps(structure, default=dict))


@pytest.mark.parametrize("limit", [0, 100, 400, 1000, 3000, 65_536])
@pytest.mark.parametrize("redact", [None, "all", lambda text: text.upper()])
def test_all_kinds_of_parts_are_of_the_schema(exported, limit, redact):
    exported.instrument(capture_content="SPAN_AND_EVENT", content_limit=limit, redact=redact)
    client_for(ANSWER).chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, tools=TOOLS, n=4)

    attributes = exported.span.attributes
    (event,) = exported.logs
    for name in (names.INPUT_MESSAGES, names.OUTPUT_MESSAGES, names.TOOL_DEFINITIONS):
        items = json.loads(attributes[name])
        validate(name, items)
        assert as_json(event.attributes[name]) == items


def test_no_media_reach_a_span_or_an_event(exported):
    exported.instrument(capture_content="SPAN_AND_EVENT")
    client_for(ANSWER).chat.completions.create(model="gpt-4o-mini", messages=MESSAGES)

    attributes = exported.span.attributes
    (event,) = exported.logs
    recorded = attributes[names.INPUT_MESSAGES] + json.dumps(as_json(dict(event.attributes)))
    assert not {PNG[:40], "UklGRg", "JVBERg"} & {recorded[start : start + 40] for start in range(len(recorded))}
    assert len(recorded) < 10_000
    digest = hashlib.sha256(base64.b64decode(PNG)).hexdigest()
    _, image, audio, pdf, uploaded, generic = json.loads(attributes[names.INPUT_MESSAGES])[2]["parts"][1:]
    assert image == {
        "type": "uri",
        "modality": "image",
        "mime_type": "image/png",
        "uri": f"nih:sha-256;{digest}",
        "byte_size": 80_000,
    }
    assert (audio["modality"], audio["mime_type"], audio["byte_size"]) == ("audio", "audio/wav", 4)
    assert (pdf["modality"], pdf["byte_size"], pdf["filename"]) == ("document", 4, "a.pdf")
    assert uploaded == {"type": "file", "modality": "document", "file_id": "file-1"}
    assert generic["holds"] == {"data": f"[image/png, 80000 bytes, nih:sha-256;{digest}]"}


def test_a_spoken_answer_keeps_its_transcript(exported):
    exported.instrument(capture_content=True)
    client_for(ANSWER).chat.completions.create(model="gpt-4o-mini", messages=MESSAGES[:1], n=4)

    (part,) = json.loads(exported.span.attributes[names.OUTPUT_MESSAGES])[3]["parts"]
    assert part == {
        "type": "uri",
        "modality": "audio",
        "uri": f"nih:sha-256;{hashlib.sha256(b'RIFF').hexdigest()}",
        "byte_size": 4,
        "transcript": "A c",
    }


def test_a_stream_that_ended_early_is_of_the_schema(exported):
    exported.instrument(capture_content=True)
    chunks = [chunk({"content": "A "}), chunk({"content": "cat."})]
    with client_for(chunks).chat.completions.create(model="m", messages=MESSAGES[:1], stream=True) as stream:
        next(stream)

    messages = json.loads(exported.span.attributes[names.OUTPUT_MESSAGES])
    validate(names.OUTPUT_MESSAGES, messages)
    assert messages[0]["finish_reason"] == "unknown"


def test_system_instructions_are_parts(exported):
    exported.instrument(capture_content=True, redact="email")
    answer = {"id": "resp-1", "object": "response", "created_at": 1, "model": "m", "status": "completed"}
    message = {
        "id": "msg-1",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": "Yes.", "annotations": []}],
    }
    client_for({**answer, "output": [message]}).responses.create(
        model="m", instructions="Write to ann@example.com.", input="Hello?"
    )

    parts = json.loads(exported.span.attributes[names.SYSTEM_INSTRUCTIONS])
    validate(names.SYSTEM_INSTRUCTIONS, parts)
    assert parts == [{"type": "text", "content": "Write to [email]."}]


TEXT = st.text(max_size=40) | st.just(f"data:image/png;base64,{PNG[:2000]}") | st.just(PNG[:2000])
VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT | st.binary(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
PART = st.one_of(
    st.fixed_dictionaries({"type": st.sampled_from(["text", "reasoning"]), "content": TEXT}),
    st.fixed_dictionaries({"type": st.just("text"), "content": TEXT, "refusal": st.just(True)}),
    st.fixed_dictionaries(
        {"type": st.just("tool_call"), "id": st.none() | TEXT, "name": TEXT, "arguments": VALUE}
    ),
    st.fixed_dictionaries({"type": st.just("tool_call_response"), "id": st.none() | TEXT, "response": VALUE}),
    st.fixed_dictionaries(
        {"type": st.just("blob"), "modality": st.just("image"), "mime_type": st.none() | TEXT, "content": VALUE}
    ),
    st.fixed_dictionaries({"type": st.just("uri"), "modality": st.just("image"), "uri": TEXT}),
    st.fixed_dictionaries({"type": st.just("of_tomorrow")}, optional={"holds": VALUE}),
    *(
        st.fixed_dictionaries(
            {
                "type": st.just(kind),
                "id": TEXT,
                "name": TEXT,
                kind: st.fixed_dictionaries(
                    {"type": TEXT}, optional={"arguments": VALUE, "content": TEXT, "server_tool_call": VALUE}
                ),
            }
        )
        for kind in ("server_tool_call", "server_tool_call_response")
    ),
)
TOOL = st.fixed_dictionaries(
    {"type": st.just("function"), "name": TEXT},
    optional={
        "description": TEXT,
        "parameters": st.booleans()
        | st.fixed_dictionaries(
            {"type": st.just("object")},
            optional={
                "properties": st.dictionaries(TEXT, st.fixed_dictionaries({"description": TEXT}), max_size=3)
            },
        ),
    },
)
OUTPUT = st.fixed_dictionaries(
    {
        "role": st.just("assistant"),
        "parts": st.lists(PART, max_size=3),
        "finish_reason": st.sampled_from(["stop", "error"]),
        "name": st.none() | TEXT,
    }
)


@settings(deadline=None, max_examples=40)
@given(st.lists(OUTPUT, max_size=3), st.integers(0, 2000), st.sampled_from([(), ("key", "email", "phone")]))
def test_whatever_the_parts_hold_what_is_recorded_is_of_the_schema(messages, limit, redact):
    fitted = fit(messages, limit, Preparation(redaction(redact)).item)

    validate(names.OUTPUT_MESSAGES, json.loads(fitted.text))
    written = {"text", "reasoning"}  # base64 that somebody wrote to a model stays
    parts = [part for message in fitted.items for part in message["parts"] if part["type"] not in written]
    assert PNG[:40] not in json.dumps(parts)


@settings(deadline=None, max_examples=40)
@given(st.lists(TOOL, max_size=3), st.integers(0, 1000))
def test_cut_definitions_of_tools_are_of_the_schema(tools, limit):
    fitted = fit(tools, limit, Preparation(None).item)

    validate(names.TOOL_DEFINITIONS, json.loads(fitted.text))
