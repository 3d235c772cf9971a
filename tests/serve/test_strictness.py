from typing import Any

import httpx
import pytest
from support.model_server import serving

from otel_llm.serve.models.script import Script
from otel_llm.serve.models.scripted import ScriptedModel

MESSAGES = [{"role": "user", "content": "hello"}]
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
TOOL = {"type": "function", "function": {"name": "f"}}


def post(url: str, **changes: Any) -> httpx.Response:
    body = {"model": "scripted", "messages": MESSAGES, **changes}
    return httpx.post(f"{url}/chat/completions", json={key: value for key, value in body.items() if value != ...})


@pytest.fixture(scope="module")
def url():
    with serving(ScriptedModel(Script())) as url:
        yield url


@pytest.mark.parametrize(
    ("changes", "param", "code"),
    [
        ({"model": ...}, "model", "missing_required_parameter"),
        ({"model": 5}, "model", "invalid_value"),
        ({"messages": ...}, "messages", "missing_required_parameter"),
        ({"messages": []}, "messages", "invalid_value"),
        ({"messages": "hello"}, "messages", "invalid_value"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages.0.role", "invalid_value"),
        ({"messages": [{"role": "user"}]}, "messages.0", "invalid_value"),
        ({"messages": [{"role": "user", "content": None}]}, "messages.0", "invalid_value"),
        (
            {"messages": [*MESSAGES, {"role": "user", "content": [IMAGE]}]},
            "messages.1.content.0.type",
            "invalid_value",
        ),
        ({"messages": [{"role": "user", "content": "x", "mood": "y"}]}, "messages.0.mood", "unknown_parameter"),
        ({"temperature": 9}, "temperature", "invalid_value"),
        ({"temperature": -0.1}, "temperature", "invalid_value"),
        ({"temperature": "1"}, "temperature", "invalid_value"),
        ({"top_p": 1.5}, "top_p", "invalid_value"),
        ({"presence_penalty": 3}, "presence_penalty", "invalid_value"),
        ({"frequency_penalty": -3}, "frequency_penalty", "invalid_value"),
        ({"max_tokens": 0}, "max_tokens", "invalid_value"),
        ({"max_tokens": 1.5}, "max_tokens", "invalid_value"),
        ({"max_tokens": True}, "max_tokens", "invalid_value"),
        ({"max_completion_tokens": -1}, "max_completion_tokens", "invalid_value"),
        ({"n": 0}, "n", "invalid_value"),
        ({"n": 9}, "n", "invalid_value"),
        ({"stop": ["a", "b", "c", "d", "e"]}, "stop", "invalid_value"),
        ({"stop": 5}, "stop", "invalid_value"),
        ({"stream": "yes"}, "stream", "invalid_value"),
        ({"stream_options": {"include_usage": True}}, "stream_options", None),
        ({"stream": True, "stream_options": {"usage": True}}, "stream_options.usage", "unknown_parameter"),
        ({"store": True}, "store", "invalid_value"),
        ({"service_tier": "priority"}, "service_tier", "invalid_value"),
        ({"logprobs": True, "top_logprobs": 2}, "top_logprobs", "unsupported_parameter"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs", "invalid_value"),
        ({"top_logprobs": 2}, "top_logprobs", None),
        ({"functions": [{"name": "f"}]}, "functions", "unsupported_parameter"),
        ({"modalities": ["audio"]}, "modalities", "unsupported_parameter"),
        ({"temprature": 1}, "temprature", "unknown_parameter"),
    ],
)
def test_wrong_parameter_is_refused_by_name(url, changes, param, code):
    response = post(url, **changes)
    assert response.status_code == 400
    error = response.json()["error"]
    assert (error["param"], error["code"], error["type"]) == (param, code, "invalid_request_error")
    assert param in error["message"]


@pytest.mark.parametrize(
    "changes",
    [
        {"temperature": 0, "top_p": 1, "presence_penalty": -2, "frequency_penalty": 2, "seed": 7},
        {"temperature": None, "stop": None, "n": None, "stream": None, "tools": None},
        {"stop": "x"},
        {"user": "u", "metadata": {"a": "b"}, "store": False, "service_tier": "auto", "logprobs": False},
        {"tools": [TOOL], "tool_choice": "required", "parallel_tool_calls": False},
        {"response_format": {"type": "json_object"}, "reasoning_effort": "low"},
        {"max_completion_tokens": 100000},
        {
            "messages": [
                {"role": "developer", "content": "be brief"},
                {"role": "user", "content": [{"type": "text", "text": "look it up"}], "name": "ann"},
                {"role": "assistant", "content": None, "tool_calls": [TOOL], "refusal": None, "audio": None},
                {"role": "tool", "content": "42", "tool_call_id": "call_1"},
            ]
        },
    ],
)
def test_valid_request_is_answered(url, changes):
    assert post(url, **changes).status_code == 200


def test_unknown_model_is_404_with_the_known_ones(url):
    response = post(url, model="gpt-4o")
    assert response.status_code == 404
    assert response.json()["error"] == {
        "message": "the model 'gpt-4o' does not exist; this server has: scripted",
        "type": "invalid_request_error",
        "param": "model",
        "code": "model_not_found",
    }
    assert httpx.get(f"{url}/models/gpt-4o").json()["error"]["code"] == "model_not_found"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"a": NaN}', b"\xff", b"[" * 100_000])
def test_body_that_is_no_json_object_is_refused(url, body):
    response = httpx.post(f"{url}/chat/completions", content=body, headers={"content-type": "application/json"})
    assert response.status_code == 400
    assert response.json()["error"]["type"] == "invalid_request_error"


def test_body_must_be_declared_as_json(url):
    response = httpx.post(f"{url}/chat/completions", content=b"{}", headers={"content-type": "text/plain"})
    assert response.status_code == 415
    assert "application/json, got text/plain" in response.json()["error"]["message"]


def test_long_body_is_refused():
    with serving(ScriptedModel(Script()), max_body_bytes=1000) as url:
        response = post(url, messages=[{"role": "user", "content": "x" * 1000}])
        assert response.status_code == 413
        assert "at most 1000 bytes" in response.json()["error"]["message"]
        assert post(url).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/chat/completions", 405),
        ("POST", "/models", 405),
        ("GET", "/nothing", 404),
        ("POST", "/fine_tuning/jobs", 404),
    ],
)
def test_other_paths_and_methods_are_errors_of_the_api(url, method, path, status):
    response = httpx.request(method, url + path)
    assert response.status_code == status
    assert response.json()["error"]["type"] == "invalid_request_error"


def test_no_web_page_of_another_origin_may_read(url):
    headers = {"origin": "https://example.com"}
    for response in (
        httpx.get(f"{url}/models", headers=headers),
        httpx.options(f"{url}/chat/completions", headers=headers),
        httpx.post(f"{url}/chat/completions", json={"model": "scripted", "messages": MESSAGES}, headers=headers),
    ):
        assert not [name for name in response.headers if name.startswith("access-control-")]


def test_health_lists_the_models(url):
    assert httpx.get(url.removesuffix("/v1") + "/healthz").json() == {"status": "ok", "models": ["scripted"]}
