"""What the captured spans do not show: older forms, other kinds of spans. The attributes are the dialects' own."""

import json
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from otlp_sink import key_values
from support.captured import written
from support.decoding import decode
from support.spans import START_NS, body, message, span

from otel_llm.errors import DecodeError
from otel_llm.genai.call import Call
from otel_llm.genai.decode import SpanOutline, is_genai, peek_status, read_span, service_name


def outline(attributes: dict[str, Any], **fields: Any) -> SpanOutline:
    data = span(attributes, **fields).SerializeToString()
    assert is_genai(data)
    return read_span(data)


def call(attributes: dict[str, Any], **fields: Any) -> Call:
    return outline(attributes, **fields).call("shop")


def inference(kind: str = "LLM", **attributes: Any) -> dict[str, Any]:
    return {"openinference.span.kind": kind} | attributes


def test_an_outline_tells_a_span_apart_before_its_content_is_read() -> None:
    attributes = {
        "gen_ai.operation.name": "text_completion",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.input.messages": [{"role": "user"}],
    }
    found = outline(attributes, status={"code": 2})
    assert (found.kind, found.operation, found.provider, found.request_model, found.failed, found.dialect) == (
        "call", "text_completion", "openai", "gpt-4o", True, "genai",
    )  # fmt: skip
    with pytest.raises(ValueError, match="a span must be a context for this, got call"):
        found.documents()


@pytest.mark.parametrize("status", [None, {}, {"code": 1}, {"code": 2}, {"code": 2, "message": "no such model"}])
def test_a_glance_tells_the_trace_and_the_failure_as_the_outline_does(status: dict[str, Any] | None) -> None:
    data = span(status=status).SerializeToString()
    found = read_span(data)
    assert peek_status(data) == (bytes.fromhex(found.trace_id), found.failed)
    with pytest.raises(DecodeError, match="the bytes are no Span"):
        peek_status(data[:-1])


def test_a_span_of_no_dialect_is_of_no_concern() -> None:
    data = span({"http.route": "/gen_ai.html"}).SerializeToString()
    found = read_span(data)
    assert is_genai(data)  # the bytes look so
    assert (found.kind, found.dialect, found.has_content) == ("other", "", False)
    assert not is_genai(span({"http.route": "/"}).SerializeToString())


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        (
            {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.call.result": '{"celsius": 14}'},
            ('{"celsius": 14}',),
        ),
        (
            {
                "gen_ai.operation.name": "retrieval",
                "gen_ai.retrieval.documents": json.dumps([{"id": "1", "content": "One."}, {"text": "Two."}]),
            },
            ("One.", "Two."),
        ),
        (
            {"traceloop.span.kind": "tool", "traceloop.entity.output": '[{"page_content": "One."}, "Two.", null]'},
            ("One.", "Two."),
        ),
        ({"traceloop.span.kind": "tool", "traceloop.entity.output": "[see below]"}, ("[see below]",)),
        (inference("RETRIEVER", **{"retrieval.documents.10.document.content": "Eleven.",
                                   "retrieval.documents.2.document.content": "Three."}), ("Three.", "Eleven.")),
        (inference("RERANKER", **{"reranker.output_documents.0.document.content": "Best."}), ("Best.",)),
        (inference("TOOL", **{"output.value": "14 degrees"}), ("14 degrees",)),
        ({"ai.operationId": "ai.toolCall", "ai.toolCall.result": '{"celsius":14}'}, ('{"celsius": 14}',)),
    ],
)  # fmt: skip
def test_retrievals_and_tools_have_documents(attributes: dict[str, Any], expected: tuple[str, ...]) -> None:
    found = outline(attributes)
    assert found.kind == "context"
    assert found.documents() == expected


@pytest.mark.parametrize(
    "attributes",
    [
        {"gen_ai.operation.name": "embeddings", "gen_ai.request.model": "e"},
        {"gen_ai.operation.name": "execute_tool"},  # its result is not recorded
        {"gen_ai.system": "openai"},
        {"llm.request.type": "embedding", "gen_ai.system": "openai", "gen_ai.request.model": "e"},
        {"traceloop.span.kind": "workflow", "traceloop.entity.output": '"An answer."'},
        {"traceloop.span.kind": "task", "traceloop.entity.name": "write", "traceloop.entity.output": '"Text."'},
        inference("CHAIN", **{"output.value": "An answer."}),
        inference("EMBEDDING"),
        inference("TOOL"),
        {"ai.operationId": "ai.generateText", "ai.response.text": "An answer."},
        {"ai.operationId": "ai.embed.doEmbed"},
    ],
)
def test_other_spans_are_not_evaluated(attributes: dict[str, Any]) -> None:
    assert read_span(span(attributes).SerializeToString()).kind == "other"


@pytest.mark.parametrize(
    ("prompt", "completion"),
    [
        ('[{"role": "user", "content": "When?"}]', '[{"role": "assistant", "content": "At 9."}]'),
        ('{"content": "When?"}', '{"content": "At 9."}'),
        ("When?", "At 9."),
    ],
)
def test_legacy_content_is_in_attributes_or_span_events(prompt: str, completion: str) -> None:
    attributes = {"gen_ai.system": "openai", "gen_ai.request.model": "gpt-4"}
    content = {"gen_ai.prompt": prompt, "gen_ai.completion": completion}
    events = [
        Span.Event(name="gen_ai.content.prompt", attributes=key_values({"gen_ai.prompt": prompt})),
        Span.Event(name="gen_ai.content.completion", attributes=key_values({"gen_ai.completion": completion})),
    ]
    for fields in ({"attributes": attributes | content}, {"attributes": attributes, "events": events}):
        found = outline(fields.pop("attributes"), **fields)  # type: ignore[arg-type]
        assert (found.dialect, found.operation, found.has_content) == ("genai_legacy", "chat", True)
        read = found.call("shop")
        assert written(read.input) == [("user", "When?")]
        assert written(read.output) == [("assistant", "At 9.")]


def test_legacy_usage_has_other_names() -> None:
    attributes = {"gen_ai.system": "openai", "gen_ai.operation.name": "chat"}
    usage = {"gen_ai.usage.prompt_tokens": 3, "gen_ai.usage.completion_tokens": 5.0}
    read = call(attributes | usage)
    assert (read.usage.input_tokens, read.usage.output_tokens) == (3, 5)


def test_openllmetrys_completions_are_text() -> None:
    attributes = {"llm.request.type": "completion", "gen_ai.system": "openai", "gen_ai.request.model": "m"}
    read = call(attributes | {"gen_ai.prompt.0.user": "x", "gen_ai.prompt.0.content": '[{"role": "no part"}]'})
    assert (read.operation, written(read.input)) == ("text_completion", [("user", '[{"role": "no part"}]')])


def test_openllmetrys_many_messages_stay_in_order() -> None:
    texts = {f"gen_ai.prompt.{number}.content": str(number) for number in range(12)}
    read = call({"llm.request.type": "chat", "gen_ai.prompt.x.content": "no number"} | texts)
    assert [each.text for each in read.input] == [str(number) for number in range(12)]


def test_openinference_reads_parts_completions_and_whole_texts() -> None:
    start = "llm.input_messages.0.message"
    parts = call(inference(**{
        f"{start}.role": "user",
        f"{start}.contents.0.message_content.type": "text",
        f"{start}.contents.0.message_content.text": "What is this?",
        f"{start}.contents.1.message_content.type": "image",
        f"{start}.contents.1.message_content.image.image.url": "data:,",
    }))  # fmt: skip
    assert [part.type for part in parts.input[0].parts] == ["text", "other"]
    assert parts.input_text == "What is this?"
    completion = call(inference(**{"llm.prompts.0.prompt.text": "Once", "llm.choices.0.completion.text": "upon"}))
    assert (written(completion.input), written(completion.output)) == ([("user", "Once")], [("assistant", "upon")])
    whole = call(
        inference(**{"input.value": "When?", "output.value": "{}", "output.mime_type": "application/json"})
    )
    assert (written(whole.input), whole.output) == ([("user", "When?")], ())


def test_vercels_objects_and_reasoning_are_answers() -> None:
    read = call({
        "ai.operationId": "ai.generateObject.doGenerate",
        "ai.response.reasoning": "Sum it up.",
        "ai.response.object": '{"city": "Graz"}',
        "ai.usage.promptTokens": 3,
    })  # fmt: skip
    assert written(read.output) == [("assistant", "Sum it up.", '{"city": "Graz"}')]
    assert read.output_text == '{"city": "Graz"}'
    assert read.usage.input_tokens == 3


def test_messages_of_the_providers_are_read_in_place_of_parts() -> None:
    messages = [
        {"role": "user", "content": [{"type": "text", "text": "When?"}, {"type": "image_url"}, "Say."]},
        {"role": "assistant", "content": [{"type": "tool_use", "name": "clock", "input": {"zone": 1}}]},
        {"role": "user", "content": [{"type": "tool_result", "content": "09:00"}]},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "So."}]},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
    ]  # fmt: skip
    read = call({"gen_ai.operation.name": "chat", "gen_ai.input.messages": json.dumps(messages)})
    assert written(read.input) == [
        ("user", "When?", "", "Say."),
        ("assistant", 'clock{"zone": 1}'),
        ("user", "09:00"),
        ("assistant", "So."),
        ("assistant", "No."),
    ]
    assert read.documents == ("09:00",)


def test_the_first_of_several_exceptions_names_the_error() -> None:
    events = [Span.Event(name="exception", attributes=key_values({"exception.type": "TimeoutError"}))]
    attributes = {"gen_ai.operation.name": "chat"}
    assert call(attributes, events=events, status={"code": 2}).error_type == "TimeoutError"
    assert call(attributes, events=events).error_type is None
    assert call(attributes, status={"code": 2}).error_type == "_OTHER"


def test_the_last_of_two_attributes_of_one_name_counts() -> None:
    pairs = [*key_values({"gen_ai.operation.name": "embeddings"}), *key_values({"gen_ai.operation.name": "chat"})]
    data = Span(trace_id=b"\1" * 16, span_id=b"\1" * 8, attributes=pairs).SerializeToString()
    assert read_span(data).kind == "call"


def test_ids_are_checked() -> None:
    for ids in ({"trace_id": b"\1"}, {"span_id": bytes(8)}):
        with pytest.raises(DecodeError, match=r"must be (16|8) bytes, not all zero"):
            read_span(span(**ids).SerializeToString())


def test_a_service_that_is_no_resource_is_refused() -> None:
    assert service_name(b"") == "unknown_service"
    with pytest.raises(DecodeError, match="the bytes are no Resource"):
        service_name(b"\x0a\xff")


def test_a_clock_that_steps_back_makes_no_negative_time() -> None:
    events = [Span.Event(name="First Token Stream Event", time_unix_nano=START_NS - 1)]
    read = call(inference(), events=events, end_time_unix_nano=START_NS - 1)
    assert (read.duration_s, read.time_to_first_chunk_s) == (0, 0)


def test_decode_reads_all_dialects_of_a_request() -> None:
    spans = [
        span(inference(**{"llm.model_name": "m"})),
        span({"ai.operationId": "ai.streamText.doStream", "ai.model.id": "m"}),
        span({"gen_ai.operation.name": "chat", "gen_ai.request.model": "m",
              "gen_ai.input.messages": [message("user", "When?")]}),
    ]  # fmt: skip
    assert [each.request_model for each in decode(body(*spans)).calls] == ["m"] * 3


LITELLM = {  # of 1.106.2: an asynchronous call, whose content was a list
    "litellm.call_id": "93dcaed3-b5a1-4fda-b9ef-81f4c84a003d",
    "llm.request.type": "acompletion",
    "gen_ai.operation.name": "acompletion",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.system": "openai",
    "gen_ai.input.messages": '[{"role": "user", "parts": [{"type": "text", "text": "hi"}]}]',
    "gen_ai.output.messages": '[{"role": "assistant", "parts": [{"type": "text", "content": "yo"}]}]',
}


def test_litellms_asynchronous_calls_are_calls() -> None:
    found = call(LITELLM)
    assert (found.operation, found.provider) == ("chat", "openai")
    assert written(found.input) == [("user", "hi")]
    assert written(found.output) == [("assistant", "yo")]


@pytest.mark.parametrize(
    ("said", "operation"),
    [("text_completion", "text_completion"), ("atext_completion", "text_completion"), ("completion", "chat")],
)
def test_litellms_operations_are_read_in_the_conventions_words(said: str, operation: str) -> None:
    assert outline(LITELLM | {"gen_ai.operation.name": said}).operation == operation
    assert outline(LITELLM | {"gen_ai.operation.name": "aembedding"}).kind == "other"


@pytest.mark.parametrize(
    "instructions",
    [
        "Be brief.",
        '"Be brief."',
        '[{"type": "text", "content": "Be brief."}]',
        '[{"role": "system", "parts": [{"type": "text", "content": "Be brief."}]}]',
    ],
)
def test_litellms_instructions_are_read_however_they_are_written(instructions: str) -> None:
    assert call(LITELLM | {"gen_ai.system_instructions": instructions}).system == "Be brief."


def test_parameters_that_are_no_json_cost_no_call() -> None:
    assert not call(inference(**{"llm.invocation_parameters": "{'temp': 1}"})).stream
