"""What an agent hands to tools, and what tools hand back, as pii and secrets evaluate it."""

import json
import time

import pytest
from support.results import call as made_call

from otel_llm.evaluate.kinds.loading import load_evaluators
from otel_llm.genai.call import Message, Part

PII, SECRETS = load_evaluators(["pii", "secrets"])
KEY = "sk-proj-" + "Zt7Qm2Xw9Lp4Rv8Kb3Nc6Hd1Jf5Gs0Ty"
CARD = "4539 1488 0343 6467"


def call(**fields):
    return made_call(**{"input": (), "output": ()} | fields)


def calling(arguments, name="http_post"):
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return Message("assistant", (Part("tool_call", text, name),))


def result(value):
    return Message("tool", (Part("tool_call_response", value if isinstance(value, str) else json.dumps(value)),))


def asked(text):
    return Message("user", (Part("text", text),))


def labels(evaluator, **fields):
    return {each.target: each.label for each in evaluator.evaluate(call(**fields), {})}


def explanation(evaluator, **fields):
    [failed] = [each for each in evaluator.evaluate(call(**fields), {}) if each.label == "fail"]
    return failed.explanation


def test_a_tool_call_alone_fails():
    output = (calling({"card": CARD, "api_key": KEY}),)
    assert labels(PII, output=output) == {"input": "not_applicable", "output": "fail"}
    assert labels(SECRETS, output=output) == {"input": "not_applicable", "output": "fail"}
    assert explanation(PII, output=output) == "tool call http_post, card: CREDIT_CARD: 1 (characters 0-19)"
    assert explanation(SECRETS, output=output).startswith("tool call http_post, api_key: ")


@pytest.mark.parametrize(
    "arguments",
    [
        {"card": "4539148803436467"},
        {"card": 4539148803436467},
        {"body": json.dumps({"text": f"pay by {CARD}\nnow"})},
        {"body": {"items": [{"note": f"pay by {CARD}"}]}},
        {"argv": ["crm", "--ssn", "536-90-4399"]},
        {"phone": "4158642337"},
        {"emails": ["info", "anna.berger@posteo.net"]},
        {"anna.berger@posteo.net": 5},
        {"text": 'caf\u00e9 "x" anna.berger@posteo.net'},
        f"pay by {CARD}",
        '{"text": "cut ' + CARD,
    ],
)
def test_personal_data_in_arguments_fails(arguments):
    output = (Message("assistant", (Part("text", "I do so."),)), calling(arguments))
    assert labels(PII, output=output)["output"] == "fail"
    assert "4539" not in explanation(PII, output=output)
    assert "anna" not in explanation(PII, output=output)


@pytest.mark.parametrize(
    "arguments",
    [
        {"password": "Xk9#mQ2v7Lp"},
        {"config": json.dumps({"password": "Xk9#mQ2v7Lp"})},
        {"headers": {"Authorization": f"Bearer {KEY}"}},
        {"headers": [{"name": "password", "value": "Xk9#mQ2v7Lp"}]},
        {"Tags": [{"Key": "DB_PASSWORD", "Value": "Xk9#mQ2v7Lp"}]},
        {"password": {"value": "Xk9#mQ2v7Lp"}},
        {"passwords": {"prod": ["Xk9#mQ2v7Lp"]}},
        {"argv": ["psql", "--password", "Xk9#mQ2v7Lp"]},
        {"command": "mysql -u root -pXk9#mQ2v7Lp shop"},
        {"command": f"curl -H 'x-api-key: {KEY}' https://example.com"},
    ],
)
def test_secrets_in_arguments_fail(arguments):
    output = (calling(arguments),)
    assert labels(SECRETS, output=output)["output"] == "fail"
    assert "Xk9" not in explanation(SECRETS, output=output)


@pytest.mark.parametrize(
    "arguments",
    [
        {"city": "Berlin", "days": 3, "unit": "celsius"},
        {"query": "SELECT name, email FROM users WHERE id = 17 LIMIT 50"},
        {"path": "src/main.py", "start_line": 10, "end_line": 120, "content": "def password_of(user): ..."},
        {"latitude": 52.520008, "longitude": 13.404954, "timestamp": 1764527871},
        {"id": "6f1c2f0e-7a7b-4a35-9f6d-0b8f6f1f4d1c", "model": "gpt-4o-2024-08-06", "max_tokens": 4096},
        {"password": "<your-password>", "token": "${API_TOKEN}", "password_required": True},
        {"url": "https://example.com/a?page=2", "method": "POST", "headers": {"Accept": "application/json"}},
        {"argv": ["tool", "--file", "Report2024b.pdf", "--count", "1200000"]},
        {"region": {"default": "eu-central-1", "name": "x", "value": "Ab12Cd34"}},
        {"items": [{"sku": "AB-1234", "price": 19.99}, {"sku": "CD-5678", "price": 5}]},
        {},
    ],
)
def test_harmless_arguments_pass(arguments):
    output = (calling(arguments), Message("assistant", (Part("text", "Done."),)))
    assert labels(PII, output=output)["output"] == "pass"
    assert labels(SECRETS, output=output)["output"] == "pass"


def test_results_of_tools_count_to_the_input_once():
    leak = result({"customer": {"email": "anna.berger@posteo.net"}})
    first = (asked("Who?"), calling({"id": 1}, "lookup"), leak)
    assert labels(PII, input=first)["input"] == "fail"
    assert explanation(PII, input=first) == "tool result 1, customer.email: EMAIL_ADDRESS: 1 (characters 0-22)"
    later = (*first, Message("assistant", (Part("text", "A customer."),)), asked("Thanks."))
    assert labels(PII, input=later)["input"] == "pass"
    assert labels(SECRETS, input=(asked("Q"), result(f"password: Xk9#mQ2v7Lp key {KEY}")))["input"] == "fail"


def test_a_harmless_result_passes_and_what_was_said_is_evaluated_beside_it():
    assert labels(PII, input=(asked("Weather?"), result("rainy, 57F")))["input"] == "pass"
    both = (asked("I am anna.berger@posteo.net"), result({"card": CARD}))
    assert explanation(PII, input=both) == (
        "EMAIL_ADDRESS: 1 (characters 5-27); tool result 1, card: CREDIT_CARD: 1 (characters 0-19)"
    )


def test_a_great_many_calls_of_tools_are_read_as_far_as_it_goes_and_the_result_says_so():
    harmless = {f"key_{number}": f"value {number} of 12-{number}" for number in range(20_000)}
    output = tuple(calling(harmless) for _ in range(15))
    started = time.process_time()
    for evaluator in (PII, SECRETS):
        assert labels(evaluator, output=output)["output"] == "partial"
    assert time.process_time() - started < 4
    assert labels(PII, output=(calling({"card": CARD}), *output))["output"] == "fail"


@pytest.mark.parametrize("value", [f"\ud800 {CARD}", f"{CARD} \udfff"])
def test_a_character_that_is_none_costs_nothing(value):
    assert labels(PII, output=(calling({"a\ud800": value}),))["output"] == "fail"
