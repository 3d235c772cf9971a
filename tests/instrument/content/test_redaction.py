"""Redaction: every text of what is recorded, a function that fails, settings."""

import json
import logging

import openai
import pytest
from in_process import COMPLETION, client_for

from otel_llm import names
from otel_llm.config.instrument import read_settings
from otel_llm.config.instrument_values import REDACTED
from otel_llm.errors import ConfigError
from otel_llm.text.pattern_redaction import PATTERNS


def test_the_setting_knows_all_patterns():
    assert tuple(PATTERNS) == REDACTED


def test_settings_name_patterns_and_functions():
    settings_of = lambda **given: read_settings({"OTEL_LLM_REDACT": "phone, EMAIL"}, **given)[0].redact  # noqa: E731

    assert settings_of() == ("email", "phone")
    assert settings_of(redact="all") == REDACTED
    assert settings_of(redact=[]) == ()
    assert settings_of(redact=str.upper) == (str.upper,)
    assert settings_of(redact=[str.upper, "card"]) == ("card", str.upper)


def test_a_wrong_name_is_named():
    _, (problem,) = read_settings({"OTEL_LLM_REDACT": "email,ssn"})
    assert "OTEL_LLM_REDACT" in str(problem)
    assert "'ssn'" in str(problem)
    with pytest.raises(ConfigError, match="redact must be of key, iban, card, email, phone, all"):
        read_settings({}, redact=["email", 3])


SECRET = "ann@example.com"


def test_every_text_that_is_recorded_is_redacted(exported):
    exported.instrument(capture_content="SPAN_AND_EVENT", redact="all")
    arguments = json.dumps(
        {SECRET: [{"to": f"x {SECRET}", "card": 4111111111111111, "n": 12}], "raw": "\n" + SECRET}
    )
    call = {"id": "call-1", "type": "function", "function": {"name": "mail", "arguments": arguments}}
    answer = {"role": "assistant", "content": f"Wrote to {SECRET}", "tool_calls": [call]}
    messages = [
        {"role": "system", "content": f"You are {SECRET}"},
        {
            "role": "user",
            "name": SECRET,
            "content": [{"type": "text", "text": SECRET}, {"type": "new", "x": [SECRET]}],
        },
        {"role": "assistant", "tool_calls": [{**call, "function": {"name": "mail", "arguments": "{" + SECRET}}]},
        {"role": "tool", "tool_call_id": "call-1", "content": json.dumps({"sent": f"\n{SECRET}"})},
    ]
    tool = {"name": "mail", "description": SECRET, "parameters": {"properties": {"to": {"default": SECRET}}}}
    client_for(
        {**COMPLETION, "choices": [{"index": 0, "finish_reason": "stop", "message": answer}]}
    ).chat.completions.create(model="m", messages=messages, tools=[{"type": "function", "function": tool}])

    attributes = exported.span.attributes
    (event,) = exported.logs
    assert SECRET not in json.dumps([dict(attributes), dict(event.attributes)], default=dict)
    assert json.loads(attributes[names.OUTPUT_MESSAGES])[0]["parts"] == [
        {"type": "text", "content": "Wrote to [email]"},
        {
            "type": "tool_call",
            "id": "call-1",
            "name": "mail",
            "arguments": {"[email]": [{"to": "x [email]", "card": "[card]", "n": 12}], "raw": "\n[email]"},
        },
    ]
    response = json.loads(attributes[names.INPUT_MESSAGES])[-1]["parts"][0]["response"]
    assert json.loads(response) == {"sent": "\n[email]"}


def test_what_would_be_cut_in_two_is_redacted_before(exported):
    exported.instrument(capture_content=True, content_limit=300, redact="email")
    text = "x" * 20 + f" {SECRET} " + "y" * 400
    client_for(COMPLETION).chat.completions.create(model="m", messages=[{"role": "user", "content": text}])

    recorded = exported.span.attributes[names.INPUT_MESSAGES]
    assert len(recorded) <= 300
    assert "[email]" in recorded


def test_the_text_of_an_error_is_redacted(exported, client):
    exported.instrument(capture_content=True, redact=lambda text: text.replace("Slow down", "…"))
    with pytest.raises(openai.RateLimitError):
        client.chat.completions.create(model="scripted", messages=[{"role": "user", "content": "rate limit"}])

    description = exported.span.status.description
    assert "…" in description
    assert "Slow down" not in description


@pytest.mark.parametrize("fail", [lambda text: 1 / 0, lambda text: None])
def test_a_function_that_fails_withholds_the_content_and_says_so_once(exported, caplog, fail):
    exported.instrument(capture_content="SPAN_AND_EVENT", redact=fail, debug_raise=False)
    with caplog.at_level(logging.DEBUG, logger="otel_llm"):
        for _ in range(2):
            client_for(COMPLETION).chat.completions.create(
                model="m", messages=[{"role": "user", "content": "My secret."}]
            )

    for span in exported.spans:
        assert not {names.INPUT_MESSAGES, names.OUTPUT_MESSAGES} & set(span.attributes)
        assert span.attributes[names.RESPONSE_MODEL] == "gpt-4o-mini-2024-07-18"
    assert exported.logs == []
    (record,) = [record for record in caplog.records if "redact" in record.getMessage()]
    assert "the content of the call is not recorded" in record.getMessage()
    assert "secret" not in caplog.text


def test_a_function_that_fails_withholds_the_text_of_an_error(exported, client, caplog):
    exported.instrument(capture_content=True, redact=lambda text: 1 / 0, debug_raise=False)
    with pytest.raises(openai.RateLimitError):
        client.chat.completions.create(model="scripted", messages=[{"role": "user", "content": "rate limit"}])

    assert exported.span.status.description is None
    assert "ZeroDivisionError" in caplog.text


def test_a_typo_in_the_variable_records_no_content(exported, monkeypatch, caplog):
    monkeypatch.setenv("OTEL_LLM_REDACT", "emails")
    exported.instrument(capture_content="SPAN_AND_EVENT")
    exported.instrument(capture_content="SPAN_AND_EVENT")
    client_for(COMPLETION).chat.completions.create(model="m", messages=[{"role": "user", "content": SECRET}])

    assert not {names.INPUT_MESSAGES, names.OUTPUT_MESSAGES} & set(exported.span.attributes)
    assert exported.logs == []
    (record,) = (record for record in caplog.records if "OTEL_LLM_REDACT" in record.getMessage())
    assert "content is not recorded until it is mended" in record.getMessage()
    assert "default" not in record.getMessage()
