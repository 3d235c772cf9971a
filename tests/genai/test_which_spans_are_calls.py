"""Which spans are calls: by their operation if it is known, else by what else they have."""

from typing import Any

import pytest
from support.spans import chat_attributes, message, span

from otel_llm.genai.decode import SpanOutline, is_genai, read_span

MESSAGES = {
    "gen_ai.input.messages": f"[{message('user', 'Hi')}]".replace("'", '"'),
    "gen_ai.output.messages": f"[{message('assistant', 'Yes')}]".replace("'", '"'),
}
USED = {"gen_ai.request.model": "m", "gen_ai.usage.input_tokens": 3, "gen_ai.usage.output_tokens": 5}
LITELLM = {"litellm.call_id": "1", **USED, **MESSAGES}
FROM_OPENINFERENCE = {
    "llm.model_name": "m",
    "llm.input_messages.0.message.role": "user",
    "llm.input_messages.0.message.content": "Hi",
    "llm.output_messages.0.message.role": "assistant",
    "llm.output_messages.0.message.content": "Yes",
    "input.value": "Hi",
    "output.value": "Yes",
}


def outline(attributes: dict[str, Any]) -> SpanOutline:
    data = span(attributes).SerializeToString()
    assert is_genai(data)
    return read_span(data)


@pytest.mark.parametrize(
    ("said", "operation"),
    [
        ("completion", "chat"), ("acompletion", "chat"), ("responses", "chat"), ("aresponses", "chat"),
        ("anthropic_messages", "chat"), ("aanthropic_messages", "chat"), ("text_completion", "text_completion"),
        ("atext_completion", "text_completion"), ("agenerate_content", "generate_content"),
        ("generate_content_stream", "generate_content"), ("pass_through_endpoint", "pass_through_endpoint"),
    ],
)  # fmt: skip
def test_litellms_functions_of_a_chat_are_calls(said: str, operation: str) -> None:
    for attributes in ({"gen_ai.operation.name": said}, {"llm.request.type": said, "gen_ai.operation.name": said}):
        found = outline(LITELLM | attributes)
        assert (found.kind, found.operation) == ("call", operation)


@pytest.mark.parametrize(
    "said",
    [
        "embedding", "aembedding", "image_generation", "aimage_edit", "moderation", "amoderation", "transcription",
        "atranscription", "speech", "aspeech", "rerank", "arerank", "asearch", "create_batch", "acreate_batch",
        "acreate_file", "afile_list", "avector_store_search", "video_generation", "_arealtime", "aocr",
        "call_mcp_tool", "acreate_fine_tuning_job", "arun_thread",
    ],
)  # fmt: skip
def test_litellms_other_functions_are_no_calls_though_they_have_messages(said: str) -> None:
    found = outline(LITELLM | {"gen_ai.operation.name": said})
    assert (found.kind, found.operation) == ("other", said)


@pytest.mark.parametrize(
    "operation", ["responses", "messages", "converse", "Answer", "generate_object", "inference"]
)
@pytest.mark.parametrize("base", [{}, {"gen_ai.system": "openai"}, {"gen_ai.provider.name": "openai"}])
@pytest.mark.parametrize(
    "signs",
    [USED | MESSAGES, MESSAGES, USED, {"gen_ai.output.messages": "Yes"}, {"gen_ai.input.messages": "Hi"}],
)
def test_an_unknown_operation_with_messages_or_a_model_and_tokens_is_a_call(
    operation: str, base: dict[str, Any], signs: dict[str, Any]
) -> None:
    found = outline({"gen_ai.operation.name": operation} | base | signs)
    assert (found.kind, found.operation) == ("call", operation)


@pytest.mark.parametrize("signs", [USED | MESSAGES, MESSAGES, USED])
@pytest.mark.parametrize("base", [{}, {"gen_ai.system": "openai"}, {"gen_ai.provider.name": "openai"}])
def test_a_span_without_an_operation_is_a_call_by_the_same_signs(
    base: dict[str, Any], signs: dict[str, Any]
) -> None:
    found = outline(base | signs)
    assert (found.kind, found.operation) == ("call", "chat")


@pytest.mark.parametrize(
    "operation",
    [
        "embeddings", "execute_tool", "invoke_agent", "create_agent", "retrieval", "invoke_workflow", "plan",
        "memory_search", "update_memory", "rerank", "image_generation", "generate_image", "transcribe_audio",
        "moderate_content", "create_batch", "execute_event_loop_cycle", "run_crew", "agent_run", "handoff",
        "AutoFunctionInvocationLoop", "execute_task", "invokeAgent", "invoke-agent", "chain", "RunnableSequence",
    ],
)  # fmt: skip
@pytest.mark.parametrize("base", [{}, {"gen_ai.system": "x"}])
def test_an_operation_that_is_known_to_be_no_call_is_none(operation: str, base: dict[str, Any]) -> None:
    assert outline({"gen_ai.operation.name": operation} | base | USED | MESSAGES).kind == "other"


@pytest.mark.parametrize(
    "signs", [{}, {"gen_ai.request.model": "m"}, {"gen_ai.request.model": "m", "gen_ai.usage.input_tokens": 3}]
)
def test_an_unknown_operation_without_signs_is_unknown(signs: dict[str, Any]) -> None:
    found = outline({"gen_ai.operation.name": "ponder"} | signs)
    assert (found.kind, found.operation) == ("unknown", "ponder")


@pytest.mark.parametrize("operation", ["chat", "text_completion", "generate_content"])
def test_a_known_operation_is_a_call_whatever_else_is_there(operation: str) -> None:
    assert outline({"gen_ai.operation.name": operation, "gen_ai.agent.name": "helper"}).kind == "call"
    assert outline({"gen_ai.operation.name": operation, "pydantic_ai.all_messages": "[]"}).kind == "call"


@pytest.mark.parametrize(
    "around",
    [
        {"pydantic_ai.all_messages": "[]", "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "helper"},
        {"pydantic_ai.all_messages": "[]", "agent_name": "helper", "model_name": "m"},
        {"all_messages_events": "[]", "gen_ai.agent.name": "helper", "final_result": "Yes"},
        {"gen_ai.agent.name": "helper", "gen_ai.usage.output_tokens": 5},
        {"gen_ai.operation.name": "invoke_agent", "gen_ai.system": "strands-agents", **USED},
        {"gen_ai.operation.name": "execute_event_loop_cycle", "gen_ai.system": "strands-agents"},
        {"traceloop.span.kind": "workflow", "traceloop.entity.input": "Hi", "traceloop.entity.output": "Yes"},
        {"traceloop.span.kind": "agent", "gen_ai.operation.name": "answer", **USED},
        {"traceloop.span.kind": "task", "llm.request.type": "unknown"},
        {"openinference.span.kind": "CHAIN", **FROM_OPENINFERENCE},
        {"openinference.span.kind": "AGENT", **FROM_OPENINFERENCE},
        {"openinference.span.kind": "EMBEDDING", **FROM_OPENINFERENCE},
        {"openinference.span.kind": "EVALUATOR", **FROM_OPENINFERENCE},
        {"ai.operationId": "ai.generateText", "ai.response.text": "Yes", "ai.model.id": "m"},
        {"ai.operationId": "ai.streamText", "ai.response.text": "Yes", "ai.usage.outputTokens": 5},
        {"ai.operationId": "ai.embed.doEmbed", "ai.model.id": "m", "ai.usage.tokens": 5},
    ],
)
def test_a_span_around_calls_is_no_second_call(around: dict[str, Any]) -> None:
    with_messages = around if "openinference.span.kind" in around else around | MESSAGES
    assert outline(with_messages).kind == "other"


def test_openinferences_unknown_kinds_are_calls_by_their_messages() -> None:
    assert outline({"openinference.span.kind": "UNKNOWN", **FROM_OPENINFERENCE}).kind == "call"
    assert outline({"openinference.span.kind": "GENERATION", **FROM_OPENINFERENCE}).kind == "call"
    assert (
        outline({"openinference.span.kind": "UNKNOWN", "input.value": "Hi", "output.value": "Yes"}).kind == "other"
    )


def test_vercels_calls_of_tomorrow_are_those_that_do() -> None:
    found = outline({"ai.operationId": "ai.answer.doAnswer", "ai.response.text": "Yes", "ai.model.id": "m"})
    assert (found.kind, found.operation) == ("call", "chat")


@pytest.mark.parametrize("request_type", ["chat", "completion", "responses"])
def test_openllmetrys_types_of_requests_are_calls(request_type: str) -> None:
    attributes = {"llm.request.type": request_type, "gen_ai.system": "openai", **USED}
    assert outline(attributes | {"gen_ai.completion.0.content": "Yes"}).kind == "call"


@pytest.mark.parametrize("request_type", ["embedding", "rerank"])
def test_openllmetrys_other_types_of_requests_are_none(request_type: str) -> None:
    attributes = {"llm.request.type": request_type, "gen_ai.system": "openai", **USED}
    assert outline(attributes | {"gen_ai.prompt.0.content": "Hi"}).kind == "other"


def test_litellms_attributes_on_the_span_of_its_proxy_are_one_call() -> None:
    data = span(LITELLM | chat_attributes(), name="Received Proxy Server Request").SerializeToString()
    assert read_span(data).kind == "call"
    bare = {"http.request.method": "POST", "metadata.user_api_key_alias": "a"}
    assert not is_genai(span(bare, name="Received Proxy Server Request").SerializeToString())
