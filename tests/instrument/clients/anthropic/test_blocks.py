"""Blocks of messages as the conventions' parts, asked and answered, whole and streamed."""

import json
from pathlib import Path

import jsonschema
import pytest
from support.anthropic_server import ANSWERS, message, text

from otel_llm import names

SCHEMAS = json.loads((Path(__file__).parents[2] / "content" / "schemas" / "content.json").read_text())
ROOTS = {
    names.INPUT_MESSAGES: "InputMessages",
    names.OUTPUT_MESSAGES: "OutputMessages",
    names.SYSTEM_INSTRUCTIONS: "SystemInstructions",
    names.TOOL_DEFINITIONS: "ToolDefinitions",
}
PNG = {"type": "base64", "media_type": "image/png", "data": "iVBORw=="}
SEARCH = {"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {"query": "llamas"}}
FOUND = {
    "type": "web_search_tool_result",
    "tool_use_id": "srv_1",
    "content": [
        {"type": "web_search_result", "url": "https://a.org", "title": "A", "encrypted_content": "c2VjcmV0"}
    ],
}
MESSAGES = [
    {
        "role": "user",
        "content": [
            text("What is this?"),
            {"type": "image", "source": PNG, "cache_control": {"type": "ephemeral"}},
            {"type": "image", "source": {"type": "url", "url": "https://example.com/cat.png"}},
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "A page."}},
            {"type": "document", "source": {"type": "content", "content": [text("A part.")]}},
            {"type": "document", "source": {"type": "file", "file_id": "file_1"}},
            {"type": "container_upload", "file_id": "file_2"},
            {"type": "of_tomorrow", "holds": 1},
        ],
    },
    {
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "A cat?", "signature": "c2ln"},
            {"type": "redacted_thinking", "data": "c2VjcmV0"},
            {"type": "compaction", "content": "They met."},
            {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"at": [1, None]}},
            SEARCH,
            FOUND,
            {"type": "mcp_tool_use", "id": "mcp_1", "name": "find", "server_name": "shop", "input": {}},
            {"type": "mcp_tool_result", "tool_use_id": "mcp_1", "content": [text("None.")]},
        ],
    },
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": [text("A cat.")]}]},
    {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": "toolu_2", "content": [{"type": "image", "source": PNG}]},
            text("count"),
        ],
    },
]
TOOLS = [
    {"name": "look", "input_schema": {"type": "object", "properties": {"headers": {"type": "string"}}}},
    {"type": "web_search_20250305", "name": "web_search", "max_uses": 1},
]


@pytest.fixture
def said(exported, claude):
    """What is recorded of a call with all blocks."""
    exported.instrument(capture_content=True)
    claude.messages.create(
        model="scripted", max_tokens=64, messages=MESSAGES, tools=TOOLS, system=[text("Be brief."), text("Count.")]
    )
    return {name: json.loads(exported.span.attributes[name]) for name in ROOTS}


@pytest.mark.parametrize(("name", "root"), ROOTS.items())
def test_every_block_is_of_the_conventions_schema(said, name, root):
    jsonschema.validate(said[name], {"$ref": f"#/$defs/{root}", "$defs": SCHEMAS["$defs"]})


def test_the_users_blocks(said):
    parts = said[names.INPUT_MESSAGES][0]["parts"]

    assert [part["type"] for part in parts] == [
        "text", "uri", "uri", "text", "text", "file", "file", "of_tomorrow",
    ]  # fmt: skip
    assert parts[1]["uri"].startswith("nih:sha-256;")
    assert (parts[2]["uri"], parts[3]["content"]) == ("https://example.com/cat.png", "A page.")
    assert "ephemeral" not in json.dumps(said)


def test_the_models_blocks(said):
    thinking, hidden, compaction, call, search, found, asked, answered = said[names.INPUT_MESSAGES][1]["parts"]

    assert (thinking, hidden["content"]) == ({"type": "reasoning", "content": "A cat?"}, "")
    assert compaction == {"type": "compaction", "content": "They met."}
    assert call["arguments"] == {"at": [1, None]}
    assert search["server_tool_call"] == {"type": "web_search", "arguments": {"query": "llamas"}}
    assert found["server_tool_call_response"]["content"][0]["url"] == "https://a.org"
    assert (asked["name"], asked["server_tool_call"]["server_name"]) == ("find", "shop")
    assert (answered["id"], answered["server_tool_call_response"]["type"]) == ("mcp_1", "mcp")
    assert "c2VjcmV0" not in json.dumps(said)
    assert "c2ln" not in json.dumps(said)


def test_results_of_tools_are_messages_of_the_tool(said):
    _, _, alone, mixed = said[names.INPUT_MESSAGES]

    assert alone == {
        "role": "tool",
        "parts": [{"type": "tool_call_response", "id": "toolu_1", "response": "A cat."}],
    }
    assert mixed["role"] == "user"
    assert mixed["parts"][0]["response"][0]["type"] == "uri"


def test_system_prompts_and_tools_are_recorded_apart(said):
    assert [part["content"] for part in said[names.SYSTEM_INSTRUCTIONS]] == ["Be brief.", "Count."]
    look, search = said[names.TOOL_DEFINITIONS]
    assert (look["type"], look["parameters"]) == ("function", TOOLS[0]["input_schema"])
    assert (search["type"], search["name"]) == ("web_search_20250305", "web_search")


@pytest.mark.parametrize("stream", [False, True])
def test_an_answers_blocks_are_one_message(exported, claude, monkeypatch, stream):
    call = {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"at": [1, 2], "how": "well"}}
    thinking = {"type": "thinking", "thinking": "They count.", "signature": "c2ln"}
    answer = message(thinking, SEARCH, FOUND, text("one two three"), call, stop_reason="tool_use")
    monkeypatch.setitem(ANSWERS, "everything", answer)
    exported.instrument(capture_content=True)
    given = claude.messages.create(
        model="scripted", max_tokens=64, messages=[{"role": "user", "content": "everything"}], stream=stream
    )
    if stream:
        list(given)

    (recorded,) = json.loads(exported.span.attributes[names.OUTPUT_MESSAGES])
    assert recorded["finish_reason"] == "tool_call"
    assert [part["type"] for part in recorded["parts"]] == [
        "reasoning", "server_tool_call", "server_tool_call_response", "text", "tool_call",
    ]  # fmt: skip
    assert recorded["parts"][3]["content"] == "one two three"
    assert recorded["parts"][4]["arguments"] == {"at": [1, 2], "how": "well"}
