"""Content of the Responses API, in the conventions' schema."""

import copy
import json
from pathlib import Path

import jsonschema
import openai
import pytest
from in_process import client_for, httpx
from response_objects import message, response
from support.model_server import served_script

from otel_llm import names
from otel_llm.genai.messages import read_instructions
from otel_llm.instrument.clients.openai.responses import RESPONSES

SCRIPT = Path(__file__).with_name("scripts") / "responses.toml"
SCHEMAS = json.loads((Path(__file__).parents[2] / "content" / "schemas" / "content.json").read_text())
ROOTS = {
    names.INPUT_MESSAGES: "InputMessages",
    names.OUTPUT_MESSAGES: "OutputMessages",
    names.SYSTEM_INSTRUCTIONS: "SystemInstructions",
    names.TOOL_DEFINITIONS: "ToolDefinitions",
}
BROKEN = openai.APIConnectionError if openai.__version__.startswith("3.") else httpx.RemoteProtocolError


@pytest.fixture(scope="session")
def base_url(tmp_path_factory):
    with served_script(SCRIPT, tmp_path_factory.mktemp("response_content") / "log") as url:
        yield url


@pytest.fixture
def captured(exported):
    exported.instrument(capture_content="SPAN_ONLY")
    return exported


def content(exported, name):
    """Return content of the one span, which is of the conventions' schema."""
    return of_schema(json.loads(exported.span.attributes[name]), name)


def of_schema(items, name):
    jsonschema.validate(items, {**SCHEMAS, "$ref": f"#/$defs/{ROOTS[name]}"})
    return items


def answered(exported):
    (said,) = content(exported, names.OUTPUT_MESSAGES)
    assert said["role"] == "assistant"
    return said["parts"], said["finish_reason"]


def ask(client, question, **options):
    return client.responses.create(model="scripted", input=question, **options)


def parts_of(exported, *items):
    client_for(response(output=list(items))).responses.create(model="m", input="Hello?")
    return answered(exported)[0]


def read(*items):
    """Return the messages of an input as they are read, media and all."""
    return of_schema(RESPONSES.read_content({"input": items}).messages, names.INPUT_MESSAGES)


def test_no_content_is_recorded_unless_asked_for(instrumented, client):
    ask(client, "count", instructions="Be brief.", tools=[{"type": "web_search"}])

    assert not {
        names.INPUT_MESSAGES,
        names.OUTPUT_MESSAGES,
        names.SYSTEM_INSTRUCTIONS,
        names.TOOL_DEFINITIONS,
    } & set(instrumented.span.attributes)


def test_a_text_is_asked_by_the_user_and_instructions_stand_apart(captured, client):
    ask(client, "count", instructions="Be brief.")

    assert content(captured, names.INPUT_MESSAGES) == [
        {"role": "user", "parts": [{"type": "text", "content": "count"}]}
    ]
    instructions = content(captured, names.SYSTEM_INSTRUCTIONS)
    assert instructions == [{"type": "text", "content": "Be brief."}]
    assert read_instructions(instructions, "instructions") == "Be brief."
    assert answered(captured) == ([{"type": "text", "content": "one two three"}], "stop")


@pytest.mark.parametrize("stream", [False, True])
def test_reasoning_and_calls_of_tools_are_parts_of_the_one_answer(captured, client, stream):
    result = ask(client, "weather", stream=stream)
    output = (list(result)[-1].response if stream else result).output

    assert answered(captured) == (
        [
            {"type": "reasoning", "content": "Two cities."},
            {"type": "tool_call", "id": output[1].call_id, "name": "weather", "arguments": {"city": "Graz"}},
            {"type": "tool_call", "id": output[2].call_id, "name": "sql", "arguments": "select 1"},
        ],
        "tool_call",
    )


@pytest.mark.parametrize("stream", [False, True])
def test_a_refusal_is_a_part_of_its_own(captured, client, stream):
    result = ask(client, "evil", stream=stream)
    if stream:
        list(result)

    assert answered(captured) == ([{"type": "refusal", "content": "I will not."}], "stop")


def test_of_a_stream_closed_early_what_came_is_recorded(captured, client):
    stream = ask(client, "long", stream=True)
    while next(stream).type != "response.output_text.delta":
        pass
    next(stream)
    stream.close()

    assert answered(captured) == ([{"type": "text", "content": "one two"}], "error")


def test_of_a_call_of_a_tool_broken_off_what_came_is_recorded(captured, client):
    with pytest.raises(BROKEN):
        list(ask(client, "call broken off", stream=True))

    ((call,), finish_reason) = answered(captured)
    assert (call["name"], call["arguments"], finish_reason) == ("weather", '{"city": "Graz",', "error")


def test_of_a_response_that_fails_midway_what_came_is_recorded(captured, client):
    list(ask(client, "fails midway", stream=True))

    assert answered(captured) == ([{"type": "text", "content": "one two"}], "error")


def test_a_stream_whose_last_event_leaves_out_the_items_is_put_together(captured):
    item = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": '{"a": 1}'}
    text = {"type": "output_text", "text": "", "annotations": []}
    events = [
        {"type": "response.created", "response": response(status="in_progress", output=[])},
        {"type": "response.output_item.added", "output_index": 0, "item": message()},
        {"type": "response.content_part.added", "output_index": 0, "content_index": 0, "part": text},
        {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "Hel"},
        {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "lo."},
        {"type": "response.output_item.added", "output_index": 1, "item": {**item, "arguments": ""}},
        {"type": "response.function_call_arguments.delta", "output_index": 1, "delta": '{"a": 1}'},
        {"type": "response.output_item.done", "output_index": 1, "item": item},
        {"type": "response.completed", "response": response(output=[])},
    ]
    list(client_for(events).responses.create(model="m", input="Hello?", stream=True))

    assert answered(captured)[0] == [
        {"type": "text", "content": "Hello."},
        {"type": "tool_call", "id": "call_1", "name": "f", "arguments": {"a": 1}},
    ]


def test_messages_of_the_input_keep_their_roles_and_media():
    said = read(
        {"role": "developer", "content": "Be brief."},
        {
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_text", "text": "What is this?"},
                {"type": "input_image", "image_url": "https://example.com/cat.png", "detail": "auto"},
                {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0=", "detail": "auto"},
                {"type": "input_image", "file_id": "file-1", "detail": "auto"},
                {"type": "input_file", "file_id": "file-2"},
                {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="},
                {"type": "input_file", "file_url": "https://example.com/a.pdf"},
                {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
            ],
        },
        message({"type": "refusal", "refusal": "I will not."}),
    )

    assert said == [
        {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
        {
            "role": "user",
            "parts": [
                {"type": "text", "content": "What is this?"},
                {"type": "uri", "modality": "image", "uri": "https://example.com/cat.png"},
                {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "iVBORw0="},
                {"type": "file", "modality": "image", "file_id": "file-1"},
                {"type": "file", "modality": "document", "file_id": "file-2"},
                {
                    "type": "blob", "modality": "document", "mime_type": "application/pdf", "content": "JVBERi0=",
                    "filename": "a.pdf",
                },
                {"type": "uri", "modality": "document", "uri": "https://example.com/a.pdf"},
                {"type": "blob", "modality": "audio", "mime_type": "audio/wav", "content": "UklGRg=="},
            ],
        },
        {"role": "assistant", "parts": [{"type": "refusal", "content": "I will not."}]},
    ]  # fmt: skip


def test_a_round_of_tools_is_told_in_the_order_of_its_items():
    said = read(
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Two cities."}]},
        {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": "gAAAA"},
        {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": '{"city": "Graz"}'},
        {"type": "function_call", "call_id": "call_2", "name": "weather", "arguments": "{not JSON"},
        {"type": "function_call_output", "call_id": "call_1", "output": "Rain."},
        {
            "type": "function_call_output",
            "call_id": "call_2",
            "output": [{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}],
        },
        {
            "type": "computer_call_output",
            "call_id": "call_3",
            "output": {"type": "computer_screenshot", "image_url": "data:image/png;base64,iVBORw0="},
        },
        {"type": "apply_patch_call_output", "call_id": "call_4", "status": "failed"},
        {"type": "item_reference", "id": "msg_1"},
    )

    screenshot = {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "iVBORw0="}
    calls = [("call_1", {"city": "Graz"}), ("call_2", "{not JSON")]
    responses = [("call_1", "Rain."), ("call_2", "a\nb"), ("call_3", screenshot), ("call_4", "failed")]
    assert said == [
        {"role": "assistant", "parts": [{"type": "reasoning", "content": "Two cities."}]},
        *(
            {"role": "assistant", "parts": [{"type": "tool_call", "id": i, "name": "weather", "arguments": a}]}
            for i, a in calls
        ),
        *(
            {"role": "tool", "parts": [{"type": "tool_call_response", "id": i, "response": r}]}
            for i, r in responses
        ),
        {"role": "assistant", "parts": [{"type": "item_reference", "id": "msg_1"}]},
    ]


def test_items_of_an_earlier_response_are_read_as_they_are(captured):
    client = client_for(response())
    earlier = client.responses.create(model="m", input="Hello?")
    client.responses.create(model="m", input=[*earlier.output, {"role": "user", "content": "And now?"}])

    said = json.loads(captured.spans[1].attributes[names.INPUT_MESSAGES])
    assert [(each["role"], each["parts"][0]["content"]) for each in said] == [
        ("assistant", "Hello."),
        ("user", "And now?"),
    ]


def test_tools_that_the_provider_runs_are_calls_and_responses_of_the_server(captured):
    action = {"type": "search", "query": "Graz"}
    results = [{"file_id": "file-1", "text": "Rain."}]
    outputs = [{"type": "logs", "logs": "2"}]
    done = {"status": "completed"}
    said = parts_of(
        captured,
        {"type": "web_search_call", "id": "ws_1", "action": action, **done},
        {"type": "file_search_call", "id": "fs_1", "queries": ["q"], "results": results, **done},
        {
            "type": "code_interpreter_call",
            "id": "ci_1",
            "code": "1+1",
            "container_id": "c",
            "outputs": outputs,
            **done,
        },
        {
            "type": "mcp_call",
            "id": "mcp_1",
            "name": "roll",
            "server_label": "dice",
            "arguments": "{}",
            "output": "4",
        },
    )

    def call(item_id, name, details):
        return {"type": "server_tool_call", "id": item_id, "name": name, "server_tool_call": details}

    def came(item_id, details):
        return {"type": "server_tool_call_response", "id": item_id, "server_tool_call_response": details}

    assert said == [
        call("ws_1", "web_search", {"type": "web_search", "action": action}),
        call("fs_1", "file_search", {"type": "file_search", "queries": ["q"]}),
        came("fs_1", {"type": "file_search", "results": results}),
        call("ci_1", "code_interpreter", {"type": "code_interpreter", "code": "1+1", "container_id": "c"}),
        came("ci_1", {"type": "code_interpreter", "outputs": outputs}),
        call("mcp_1", "roll", {"type": "mcp", "name": "roll", "server_label": "dice", "arguments": "{}"}),
        came("mcp_1", {"type": "mcp", "output": "4"}),
    ]


def test_an_image_that_was_generated_is_media():
    item = {"type": "image_generation_call", "id": "ig_1", "result": "iVBORw0=", "revised_prompt": "A cat."}
    details = {"type": "image_generation", "revised_prompt": "A cat."}

    assert read(item)[0]["parts"] == [
        {"type": "server_tool_call", "id": "ig_1", "name": "image_generation", "server_tool_call": details},
        {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "iVBORw0="},
    ]


def test_calls_that_the_app_is_to_run_end_the_response_as_calls_of_tools(captured):
    action = {"type": "exec", "command": ["ls"], "env": {}}
    said = parts_of(
        captured,
        {"type": "local_shell_call", "id": "ls_1", "call_id": "call_1", "status": "completed", "action": action},
    )

    assert said == [{"type": "tool_call", "id": "call_1", "name": "local_shell", "arguments": action}]
    assert captured.span.attributes[names.RESPONSE_FINISH_REASONS] == ("tool_call",)


def test_items_of_an_unknown_kind_are_kept_as_they_are(captured):
    item = {"type": "dream", "id": "d_1", "text": "Sheep."}

    assert parts_of(captured, item) == [item]


def test_a_compaction_is_told_without_the_users_messages_that_it_repeats(captured):
    kept = message({"type": "input_text", "text": "Hello?"}, role="user")
    compacted = {"type": "compaction", "id": "cmp_1", "encrypted_content": "gAAAA"}
    answer = {"id": "resp_1", "object": "response.compaction", "created_at": 1, "output": [kept, compacted]}
    client_for(answer).responses.compact(model="m", input="Hello?")

    assert answered(captured) == ([{"type": "compaction", "id": "cmp_1"}], "compaction")


def test_definitions_of_tools_have_names_and_no_secrets(captured):
    function = {
        "type": "function",
        "name": "f",
        "description": "F.",
        "parameters": {"type": "object"},
        "strict": True,
    }
    server = {
        "type": "mcp", "server_label": "dice", "server_url": "https://example.com", "authorization": "hunter2",
        "headers": {"x-key": "hunter2"},
    }  # fmt: skip
    client_for(response()).responses.create(
        model="m", input="Hello?", tools=[function, {"type": "web_search"}, copy.deepcopy(server)]
    )

    assert content(captured, names.TOOL_DEFINITIONS) == [
        function,
        {"type": "web_search", "name": "web_search"},
        {"type": "mcp", "name": "dice", "server_label": "dice", "server_url": "https://example.com"},
    ]


def test_the_apps_own_items_are_not_shared(captured):
    items = [{"role": "user", "content": [{"type": "surprise", "of": ["me"]}]}]
    client = client_for(response())
    client._client.event_hooks = {"request": [lambda _: items[0]["content"][0]["of"].append("and you")]}
    client.responses.create(model="m", input=items)

    (said,) = content(captured, names.INPUT_MESSAGES)
    assert said["parts"] == [{"type": "surprise", "of": ["me"]}]


def test_secrets_are_taken_out_of_a_tool_at_any_depth(captured):
    secrets = [{"domain": "example.com", "name": "TOKEN", "value": "hunter2"}]
    policy = {"type": "allowlist", "allowed_domains": ["example.com"], "domain_secrets": secrets}
    container = {"type": "auto", "network_policy": policy}
    schema = {"type": "object", "properties": {"headers": {"type": "object"}}}
    function = {"type": "function", "name": "fetch", "parameters": schema}
    tools = [
        {"type": "code_interpreter", "container": container},
        {"type": "shell", "x": [{"Headers": "hunter2"}]},
    ]
    client_for(response()).responses.create(model="m", input="Hello?", tools=[*tools, function])

    assert "hunter2" not in captured.span.attributes[names.TOOL_DEFINITIONS]
    interpreter, shell, fetch = content(captured, names.TOOL_DEFINITIONS)
    assert interpreter["container"] == {
        "type": "auto",
        "network_policy": {"type": "allowlist", "allowed_domains": ["example.com"]},
    }
    assert shell == {"type": "shell", "name": "shell", "x": [{}]}
    assert fetch == function


@pytest.mark.parametrize(("code", "error_type"), [(429, "429"), ("server_error", "server_error"), ({}, "failed")])
def test_an_error_says_its_code_whatever_type_it_has(captured, code, error_type):
    failed = response(status="failed", error={"code": code, "message": "No."})
    client_for(failed).responses.create(model="m", input="Hello?")

    assert captured.span.attributes[names.ERROR_TYPE] == error_type
