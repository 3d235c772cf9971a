"""A real Phoenix: what it shows of our spans, and results as its span annotations; as docs/backends.md says."""

import json
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from backend_calls import call_and_export, get_json
from support.receivers import PROTOBUF, wait_until
from support.require import require
from support.service import LengthPipeline, service
from support.spans import SPAN_ID, body, span

from otel_llm.demo.child_process import ChildProcess
from otel_llm.demo.servers.base import HOST, free_ports

OURS = Path(__file__).parents[2] / ".venv-phoenix" / "bin" / "phoenix"
SPANS = """query($name: String!) { getProjectByName(name: $name) { spans(first: 50) { edges { node {
  name spanKind statusCode spanId input { value } output { value } tokenCountPrompt tokenCountCompletion
  costSummary { total { cost } } attributes } } } } }"""


@pytest.fixture(scope="module")
def phoenix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a Phoenix of the tests' own."""
    program = str(OURS) if OURS.exists() else shutil.which("phoenix")
    require(program, "Phoenix", "make phoenix")
    folder = tmp_path_factory.mktemp("phoenix")
    port, grpc_port = free_ports({"PHOENIX_PORT": 0, "PHOENIX_GRPC_PORT": 0})
    environment = {
        "PHOENIX_HOST": HOST,
        "PHOENIX_PORT": str(port),
        "PHOENIX_GRPC_PORT": str(grpc_port),
        "PHOENIX_WORKING_DIR": str(folder),
        "PHOENIX_TELEMETRY_ENABLED": "false",
    }
    url = f"http://{HOST}:{port}"
    process = ChildProcess(
        "phoenix", [str(program), "serve"], log_path=folder / "phoenix.log", environment=environment
    )
    try:
        process.wait_ready(url, 240)  # it took a minute on two busy cores
        yield url
    finally:
        process.stop()


def spans_of(url: str, project: str, count: int) -> list[dict[str, Any]]:
    """Return the spans of a project, once there are as many; the attributes as a structure."""
    found: list[dict[str, Any]] = []

    def are_there() -> bool:
        answer = get_json(f"{url}/graphql", {"query": SPANS, "variables": {"name": project}})
        named = (answer["data"] or {}).get("getProjectByName") or {"spans": {"edges": []}}
        found[:] = [edge["node"] for edge in named["spans"]["edges"]]
        return len(found) == count

    wait_until(are_there, 60)
    for each in found:
        each["attributes"] = json.loads(each["attributes"])
    return found


@pytest.fixture(scope="module")
def with_content(phoenix: str) -> list[dict[str, Any]]:
    call_and_export(phoenix, content=True, project="with-content")
    return spans_of(phoenix, "with-content", 3)


def one(spans: list[dict[str, Any]], reason: str | None) -> dict[str, Any]:
    """Return the span whose answer has that finish reason; None: the call that failed."""
    (found,) = [span for span in spans if finish_reason(span) == reason]
    return found


def finish_reason(span: dict[str, Any]) -> str | None:
    messages = span["attributes"]["llm"].get("output_messages")
    return messages[0]["message"].get("finish_reason") if messages else None


def test_kind_tokens_session_and_user_are_shown(with_content: list[dict[str, Any]]) -> None:
    shown = one(with_content, "stop")
    assert (shown["spanKind"], shown["tokenCountPrompt"], shown["tokenCountCompletion"]) == ("llm", 100, 5)
    attributes = shown["attributes"]
    assert (attributes["session"]["id"], attributes["user"]["id"]) == ("conv-7", "u-1")


def test_cache_writes_are_shown_by_the_default_names(with_content: list[dict[str, Any]]) -> None:
    counts = one(with_content, "stop")["attributes"]["llm"]["token_count"]
    assert counts["prompt_details"] == {"cache_read": 40, "cache_write": 10}


def test_messages_and_tool_calls_are_shown(with_content: list[dict[str, Any]]) -> None:
    said = one(with_content, "stop")["attributes"]["llm"]
    assert [each["message"]["content"] for each in said["input_messages"]] == ["Be short.", "Hello?"]
    assert [each["message"]["content"] for each in said["output_messages"]] == ["Hello."]
    asked = one(with_content, "tool_call")["attributes"]["llm"]
    ((tool_call,),) = [each["message"]["tool_calls"] for each in asked["output_messages"]]
    assert tool_call["tool_call"]["function"]["name"] == "weather"
    assert asked["tools"]


def test_the_columns_input_and_output_of_the_list_have_no_messages(with_content: list[dict[str, Any]]) -> None:
    shown = one(with_content, "stop")
    assert (shown["input"], "Hello." in shown["output"]["value"]) == (None, False)


def test_the_cost_is_phoenixs_own(with_content: list[dict[str, Any]]) -> None:
    shown = one(with_content, "stop")
    assert shown["costSummary"]["total"]["cost"] > 0
    assert shown["attributes"]["gen_ai"]["usage"]["cost"] > 0  # ours stays an attribute


def test_a_failed_call_is_an_error(with_content: list[dict[str, Any]]) -> None:
    failed = one(with_content, None)
    assert failed["statusCode"] == "ERROR"
    assert failed["attributes"]["error"]["type"] == "APIConnectionError"


def test_without_content_nothing_that_was_said_is_there(phoenix: str) -> None:
    call_and_export(phoenix, content=False, project="without-content")
    shown = spans_of(phoenix, "without-content", 3)
    assert [each["spanKind"] for each in shown] == ["llm"] * 3
    assert "Hello" not in json.dumps(shown)
    assert "Rome" not in json.dumps(shown)


def test_results_are_annotations_of_their_span_though_it_comes_later(phoenix: str) -> None:
    events = {"kind": "phoenix", "endpoint": phoenix, "retry": {"initial_s": 0.1, "max_s": 0.5}}
    settings = {"queue": {"max_delay_s": 0.01}, "events": events}
    with service(LengthPipeline(), **settings) as at:
        send(at.http, body(span()))
        wait_until(lambda: get_json(f"{at.telemetry}/debug.json")["Destinations"][0]["bytes waiting"])
        send(phoenix, body(span()))
        wait_until(lambda: annotations_of(phoenix), 60)
    with service(LengthPipeline(), **settings) as at:  # another service, which evaluates the same call again
        send(at.http, body(span()))
    (annotation,) = annotations_of(phoenix)
    assert (annotation["name"], annotation["annotator_kind"]) == ("length.output", "CODE")
    assert annotation["result"] == {"label": "pass", "score": 0.1, "explanation": "10 characters"}
    assert annotation["metadata"]["otel_llm.evaluation.version"] == "1"


def send(url: str, content: bytes) -> None:
    asked = urllib.request.Request(f"{url}/v1/traces", data=content, headers=PROTOBUF)
    with urllib.request.urlopen(asked, timeout=30) as response:
        assert response.status == 200


def annotations_of(phoenix: str) -> list[dict[str, Any]]:
    try:
        return list(get_json(f"{phoenix}/v1/projects/default/span_annotations?span_ids={SPAN_ID}")["data"])
    except urllib.error.HTTPError as error:
        if error.code != 404:  # the answer while the span is not there
            raise
        return []
