"""Items of the Responses API, of the input and of the output, as messages and their parts."""

import json

from in_process import client_for
from response_content import answered, content, of_schema
from response_objects import message, response

from otel_llm import names
from otel_llm.instrument.clients.openai.responses import RESPONSES


def parts_of(exported, *items):
    client_for(response(output=list(items))).responses.create(model="m", input="Hello?")
    return answered(exported)[0]


def read(*items):
    """Return the messages of an input as they are read, media and all."""
    return of_schema(RESPONSES.read_content({"input": items}).messages, names.INPUT_MESSAGES)


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
        {"role": "assistant", "parts": [{"type": "text", "content": "I will not.", "refusal": True}]},
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


def test_the_apps_own_items_are_not_shared(captured):
    items = [{"role": "user", "content": [{"type": "surprise", "of": ["me"]}]}]
    client = client_for(response())
    client._client.event_hooks = {"request": [lambda _: items[0]["content"][0]["of"].append("and you")]}
    client.responses.create(model="m", input=items)

    (said,) = content(captured, names.INPUT_MESSAGES)
    assert said["parts"] == [{"type": "surprise", "of": ["me"]}]
