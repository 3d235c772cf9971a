"""Results as span annotations: what goes over the wire, and what happens while their spans are not there yet.

The server is a stand-in for Phoenix 20.26.1, with its answers; `tests/backends/test_phoenix.py` runs the real one.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from support.fake_clock import FakeClock
from support.receivers import wait_until
from support.results import call, result

from otel_llm.config.report import EventSettings
from otel_llm.config.service import ServiceSettings
from otel_llm.report.events import events_request
from otel_llm.send.client import open_client
from otel_llm.send.lane import SendOutcome
from otel_llm.send.reply import Reply
from otel_llm.send.sender import Sender

KNOWN, LATE = "00000000000000a1", "00000000000000b2"


class Phoenix:
    """Keeps annotations by span and identifier; a request with an unknown span is refused as a whole."""

    def __init__(self) -> None:
        self.spans = {KNOWN}
        self.requests: list[tuple[str, dict[str, str], Any]] = []
        self.kept: dict[tuple[str, str], dict[str, Any]] = {}
        self.lock = threading.Lock()
        self.url = ""

    def annotate(self, path: str, headers: dict[str, str], body: Any) -> tuple[int, str]:
        with self.lock:
            self.requests.append((path, headers, body))
            if path != "/v1/span_annotations?sync=true":
                return 404, "Not Found"
            missing = {each["span_id"] for each in body["data"]} - self.spans
            if missing:
                return 404, f"Spans with IDs {', '.join(missing)} do not exist."
            self.kept |= {(each["span_id"], each["identifier"]): each for each in body["data"]}
            return 200, json.dumps({"data": []})


@contextmanager
def served(phoenix: Phoenix) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            status, text = phoenix.annotate(self.path, {k.lower(): v for k, v in self.headers.items()}, body)
            self.send_response(status)
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def phoenix() -> Iterator[Phoenix]:
    phoenix = Phoenix()
    with served(phoenix) as url:
        phoenix.url = url
        yield phoenix


def settings(phoenix: Phoenix, **options: Any) -> EventSettings:
    retry = {"initial_s": 0.01, "max_s": 0.05}
    return EventSettings.model_validate(
        {
            "kind": "phoenix",
            "endpoint": phoenix.url,
            "batch_delay_s": 0,
            "retry": retry,
            "connections": 1,
            **options,
        }
    )


def events(*span_ids: str, **fields: Any) -> bytes:
    return events_request([result(call=call(span_id=each), **fields) for each in span_ids], explanations=True)


def export(phoenix: Phoenix, body: bytes) -> Reply:
    client = open_client(settings(phoenix))
    try:
        return client.export("logs", body, {"authorization": "Bearer key"})
    finally:
        client.close()


def test_a_result_is_one_annotation_of_its_span(phoenix: Phoenix) -> None:
    given = result(call=call(span_id=KNOWN), label="fail", score=0.25, explanation="not in the context")
    assert export(phoenix, events_request([given], explanations=True)) == Reply("delivered")
    ((_, headers, body),) = phoenix.requests
    assert (headers["content-type"], headers["authorization"]) == ("application/json", "Bearer key")
    (annotation,) = body["data"]
    assert annotation == {
        "span_id": KNOWN,
        "name": f"{given.evaluator}.{given.target}",
        "annotator_kind": "CODE",
        "result": {"label": "fail", "score": 0.25, "explanation": "not in the context"},
        "metadata": {
            "otel_llm.evaluation.version": given.version,
            "otel_llm.evaluation.target": given.target,
            **({"gen_ai.response.id": given.call.response_id} if given.call.response_id else {}),
        },
        "identifier": given.id,
    }


def test_an_error_is_an_annotation_without_a_score(phoenix: Phoenix) -> None:
    export(phoenix, events(KNOWN, label="error", score=None, explanation=None, error_type="ModelError"))
    ((_, _, body),) = phoenix.requests
    assert body["data"][0]["result"] == {"label": "error"}
    assert body["data"][0]["metadata"]["error.type"] == "ModelError"


def test_the_same_result_again_replaces_itself(phoenix: Phoenix) -> None:
    for _ in range(2):
        export(phoenix, events(KNOWN))
    assert (len(phoenix.requests), len(phoenix.kept)) == (2, 1)


def test_explanations_stay_out_where_the_settings_say_so(phoenix: Phoenix) -> None:
    given = result(call=call(span_id=KNOWN), explanation="quotes the answer")
    export(phoenix, events_request([given], explanations=False))
    assert "explanation" not in phoenix.requests[0][2]["data"][0]["result"]


def test_records_that_are_no_results_are_left_out(phoenix: Phoenix) -> None:
    body = events(KNOWN).replace(b"gen_ai.evaluation.result", b"gen_ai.evaluation.others")
    assert export(phoenix, body) == Reply("delivered")
    assert not phoenix.requests


def test_a_span_that_is_not_there_holds_up_no_other(phoenix: Phoenix) -> None:
    reply = export(phoenix, events(KNOWN, LATE))
    assert [span for span, _ in phoenix.kept] == [KNOWN]
    assert (reply.kind, reply.later_items, LATE in reply.reason) == ("delivered", 1, True)
    phoenix.spans.add(LATE)
    assert export(phoenix, reply.later) == Reply("delivered")
    assert {span for span, _ in phoenix.kept} == {KNOWN, LATE}


def test_all_of_many_unknown_spans_are_found_in_the_answer(phoenix: Phoenix) -> None:
    many = [f"{number:016x}" for number in range(1000, 1200)]
    reply = export(phoenix, events(KNOWN, *many))
    assert (reply.later_items, len(phoenix.requests)) == (200, 2)


def test_a_wrong_address_is_refused(phoenix: Phoenix) -> None:
    phoenix.url += "/elsewhere"
    reply = export(phoenix, events(KNOWN))
    assert (reply.kind, reply.for_all) == ("refused", True)


def test_a_body_that_is_no_request_is_refused(phoenix: Phoenix) -> None:
    assert export(phoenix, b"\xff").kind == "refused"


class Counts:
    def __init__(self) -> None:
        self.sent_items = self.failed_items = 0

    def sent(self, exporter: str, signal: str, items: int) -> None:
        self.sent_items += items

    def send_failed(self, exporter: str, signal: str, items: int) -> None:
        self.failed_items += items


def test_a_result_waits_for_its_span_and_is_reported_once(phoenix: Phoenix) -> None:
    counts, outcomes = Counts(), []
    chosen = settings(phoenix)
    sender = Sender("events", open_client(chosen), chosen, counts)
    sender.send("logs", events(KNOWN, LATE), 2, "", outcomes.append)
    wait_until(lambda: len(phoenix.requests) > 4)  # it is tried again
    sender.send("logs", events(KNOWN, label="fail"), 1, "", outcomes.append)
    wait_until(lambda: outcomes)  # the second, for the first still waits
    assert sender.pending_bytes
    with phoenix.lock:
        phoenix.spans.add(LATE)
    wait_until(lambda: not sender.pending_bytes)
    assert outcomes == [SendOutcome(), SendOutcome()]
    assert (counts.sent_items, counts.failed_items) == (3, 0)
    assert sender.close(5) == 0


def test_a_result_whose_span_never_comes_is_refused_alone(phoenix: Phoenix) -> None:
    counts, outcomes, clock = Counts(), [], FakeClock()
    chosen = settings(phoenix, retry={"initial_s": 0.01, "max_s": 0.01})
    sender = Sender("events", open_client(chosen), chosen, counts, clock)
    sender.send("logs", events(KNOWN, LATE), 2, "", outcomes.append)
    wait_until(lambda: phoenix.kept)
    clock.advance(301)
    sender.send("logs", events(KNOWN), 1, "", outcomes.append)  # wakes the thread
    wait_until(lambda: len(outcomes) == 2)
    refused = [body for outcome in outcomes for body in outcome.refused]
    assert refused == [events_of(refused[0])]
    assert (counts.sent_items, counts.failed_items) == (2, 1)
    assert sender.close(5) == 0


def events_of(body: bytes) -> bytes:
    """Return the body, after a check that it has the late span's result alone."""
    assert body.count(bytes.fromhex(LATE)) == 1
    assert bytes.fromhex(KNOWN) not in body
    return body


def test_what_still_waits_for_its_span_is_left_at_the_end(phoenix: Phoenix) -> None:
    outcomes: list[SendOutcome] = []
    chosen = settings(phoenix)
    sender = Sender("events", open_client(chosen), chosen, Counts())
    sender.send("logs", events(LATE), 1, "", outcomes.append)
    wait_until(lambda: phoenix.requests)
    assert sender.close(0.3) == 1
    assert outcomes == []  # it stays in the service's queue, and is sent after the next start


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"endpoint": "grpc://localhost:4317"}, "http://localhost:6006"),
        ({"compression": "gzip"}, "compression none"),
    ],
)
def test_a_setting_that_phoenix_cannot_take_is_refused(setting: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        ServiceSettings.model_validate(
            {"events": {"kind": "phoenix", "endpoint": "http://localhost:6006"} | setting}
        )
