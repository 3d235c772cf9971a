"""One table of finish reasons, for the spans that we send and the spans that the service reads."""

import pytest

from otel_llm.genai import messages
from otel_llm.genai.problems import Source
from otel_llm.names import finish_reasons
from otel_llm.names.finish_reasons import finish_reason_of

WHOLE = [
    "stop", "STOP", "end_turn", "stop_sequence", "eos", "eos_token", "COMPLETE", "FINISH", "REASON_STOP",
    "endoftext",
]  # fmt: skip
CUT = [
    "length", "max_tokens", "MAX_TOKENS", "max_output_tokens", "model_length", "REASON_MAX_LEN",
    "REASON_MAX_CONTEXT",
    "model_context_window_exceeded", "FinishReason.MAX_TOKENS", "ERROR_LIMIT", "max-tokens", "Max Tokens",
    "MaxTokens",
]  # fmt: skip
FILTERED = [
    "content_filter", "content-filter", "SAFETY", "RECITATION", "PROHIBITED_CONTENT", "guardrail_intervened",
    "refusal",
    "content_filtered", "sensitive", "content_filter: RECITATION", "ERROR_TOXIC", "MODEL_ARMOR", "ContentFilter",
]  # fmt: skip
CALLED = [
    "tool_calls",
    "tool_call",
    "function_call",
    "tool_use",
    "tool-calls",
    "REASON_TOOL_CALLS",
    "ToolCalls",
    "toolUse",
]
FAILED = ["error", "ERROR", "MALFORMED_FUNCTION_CALL", "malformed_tool_use", "network_error", "failed"]
TABLE = {"stop": WHOLE, "length": CUT, "content_filter": FILTERED, "tool_call": CALLED, "error": FAILED}
# reasons without a word of the conventions: the answer is cut, goes on, or was left, and is not whole
OTHERS = ["pause_turn", "CONTINUATION", "TIMEOUT", "cancelled", "abort", "OTHER", "REASON_TIME_LIMIT", "x: y"]
NONE = [None, "", " ", "null", "None", "FINISH_REASON_UNSPECIFIED", "REASON_INVALID"]


@pytest.mark.parametrize(("said", "reason"), [(said, reason) for reason, words in TABLE.items() for said in words])
def test_a_providers_word_has_the_conventions_word(said, reason):
    assert finish_reason_of(said) == reason


@pytest.mark.parametrize("said", OTHERS)
def test_a_word_that_nobody_knows_stays_as_it_is(said):
    assert finish_reason_of(said) == said


@pytest.mark.parametrize("said", NONE)
def test_what_stands_for_no_reason_is_none(said):
    assert finish_reason_of(said) is None


def test_the_service_reads_by_the_same_table():
    assert messages.finish_reason_of is finish_reasons.finish_reason_of
    message = {"role": "assistant", "parts": [], "finish_reason": "MAX_TOKENS"}
    (read,) = messages.read_messages([message], Source("gen_ai.output.messages", "output"))
    assert read.finish_reason == "length"
