import json
import math

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Status
from support.decoding import decode
from support.spans import SPAN_ID, START_NS, TRACE_ID, body, chat_attributes, message, span

from otel_llm.genai.call import Call, Message, Part, Usage


def only_call(data: bytes) -> Call:
    decoded = decode(data)
    assert decoded.rejected == []
    [call] = decoded.calls
    return call


def test_a_span_of_the_current_conventions_becomes_a_whole_call() -> None:
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.request.stream": True,
        "gen_ai.response.model": "gpt-4o-2024-08-06",
        "gen_ai.response.id": "chatcmpl-1",
        "gen_ai.response.time_to_first_chunk": 0.25,
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 20,
        "gen_ai.usage.cost": 0.00045,
        "gen_ai.conversation.id": "conversation-1",
        "gen_ai.prompt.name": "answer",
        "gen_ai.prompt.version": "3",
        "user.id": "user-1",
        "error.type": "timeout",
        "gen_ai.system_instructions": json.dumps([{"type": "text", "content": "Be brief."}]),
        "gen_ai.input.messages": json.dumps(
            [
                message("user", "Weather in Paris?"),
                {
                    "role": "assistant",
                    "parts": [{"type": "tool_call", "id": "1", "name": "weather", "arguments": {"city": "Paris"}}],
                },
                {"role": "tool", "parts": [{"type": "tool_call_response", "id": "1", "response": "rainy, 57F"}]},
            ]
        ),
        "gen_ai.output.messages": json.dumps(
            [
                {
                    "role": "assistant",
                    "parts": [
                        {"type": "reasoning", "content": "It rains."},
                        {"type": "text", "content": "Rain at 57F."},
                        {"type": "blob", "modality": "image", "content": "AAAA"},
                    ],
                    "finish_reason": "stop",
                }
            ]
        ),
    }
    assert only_call(body(span(attributes))) == Call(
        trace_id=TRACE_ID,
        span_id=SPAN_ID,
        service="shop",
        operation="chat",
        provider="openai",
        request_model="gpt-4o",
        response_model="gpt-4o-2024-08-06",
        response_id="chatcmpl-1",
        system="Be brief.",
        input=(
            Message("user", (Part("text", "Weather in Paris?"),)),
            Message("assistant", (Part("tool_call", '{"city": "Paris"}', "weather"),)),
            Message("tool", (Part("tool_call_response", "rainy, 57F"),)),
        ),
        output=(
            Message(
                "assistant",
                (Part("reasoning", "It rains."), Part("text", "Rain at 57F."), Part("other", "")),
                "stop",
            ),
        ),
        documents=("rainy, 57F",),
        documents_source="tools",
        usage=Usage(input_tokens=100, output_tokens=20, cost_usd=0.00045),
        start_ns=START_NS,
        duration_s=1.5,
        time_to_first_chunk_s=0.25,
        stream=True,
        conversation_id="conversation-1",
        user_id="user-1",
        prompt_name="answer",
        prompt_version="3",
        error_type="timeout",
    )


def test_structured_content_reads_like_json_text() -> None:
    as_text = chat_attributes()
    structured = as_text | {
        name: json.loads(as_text[name]) for name in ("gen_ai.input.messages", "gen_ai.output.messages")
    }
    assert only_call(body(span(structured))) == only_call(body(span(as_text)))


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ([-0.5, -1, -math.inf], (-0.5, -1.0, -math.inf)),
        ([], ()),
        (-0.5, ()),
        ("[-0.5]", ()),
        ([-0.5, "much"], ()),
    ],
)
def test_log_probabilities_are_a_list_of_numbers_or_not_known(value: object, read: tuple[float, ...]) -> None:
    call = only_call(body(span(chat_attributes() | {"otel_llm.response.logprobs": value})))
    assert call.logprobs == read


def test_each_output_message_with_text_is_a_choice_and_tool_results_are_read_from_the_input() -> None:
    results = [{"type": "tool_call_response", "id": str(n), "response": n} for n in (1, 2)]
    attributes = chat_attributes() | {
        "gen_ai.input.messages": json.dumps([message("user", "When?"), {"role": "tool", "parts": results}]),
        "gen_ai.output.messages": json.dumps(
            [message("assistant", "At 9."), {"role": "assistant", "parts": []}, message("assistant", "At 10.")]
        ),
    }
    call = only_call(body(span(attributes)))
    assert call.choices == ("At 9.", "At 10.")
    assert call.output_text == "At 9.\nAt 10."
    assert call.tool_results == ("1", "2")


def test_a_span_with_nothing_but_an_operation_is_a_call_with_what_is_known() -> None:
    call = only_call(body(span({"gen_ai.operation.name": "generate_content"}), service=None))
    assert call == Call(
        trace_id=TRACE_ID,
        span_id=SPAN_ID,
        service="unknown_service",
        operation="generate_content",
        provider="",
        request_model="",
        start_ns=START_NS,
        duration_s=1.5,
    )


@pytest.mark.parametrize("operation", ["embeddings", "execute_tool", "invoke_agent", "retrieval"])
def test_a_genai_span_that_is_no_inference_is_no_call_and_no_rejection(operation: str) -> None:
    decoded = decode(body(span({"gen_ai.operation.name": operation, "gen_ai.input.messages": "not json"})))
    assert (decoded.calls, decoded.rejected, decoded.spans) == ([], [], 1)


def test_spans_without_genai_attributes_are_counted_and_passed_by() -> None:
    decoded = decode(body(span({"http.request.method": "GET"}), span()))
    assert (len(decoded.calls), decoded.rejected, decoded.spans) == (1, [], 2)


def test_an_empty_request_is_a_success() -> None:
    decoded = decode(b"")
    assert (decoded.calls, decoded.rejected, decoded.spans) == ([], [], 0)


def test_a_failed_span_without_error_type_has_one() -> None:
    call = only_call(body(span(status=Status(code=Status.STATUS_CODE_ERROR))))
    assert call.error_type == "_OTHER"


def test_a_clock_that_stepped_back_makes_no_negative_duration() -> None:
    assert only_call(body(span(end_time_unix_nano=START_NS - 1))).duration_s == 0


def test_half_a_surrogate_in_json_does_not_travel_on() -> None:
    escaped = json.dumps([message("user", "TEXT")]).replace("TEXT", r"a\ud83d b \ud83d\ude00")
    attributes = chat_attributes() | {"gen_ai.input.messages": escaped}
    assert only_call(body(span(attributes))).input_text == "a? b \N{GRINNING FACE}"
