#!/usr/bin/env bash
# arize-phoenix 20.26.1: of a span's `gen_ai.output.messages` all answers are left out of the view (`llm.output_messages`) where a single
# one has no `finish_reason`. The newest schema of the GenAI conventions has that field as deprecated and optional, in favour of the
# span's attribute `gen_ai.response.finish_reasons`; spans that follow it show a question without an answer. The question stays,
# the span is stored, and nothing is said.
#
# Seen: "each with finish_reason: ['Yes', 'No']", "one without: []", "none with, gen_ai.response.finish_reasons: []".
# Phoenix is the real server, on free ports of loopback, with its data in a temporary folder.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile arize-phoenix==20.26.1

unset "${!OTEL_@}" "${!PHOENIX_@}"
export PHOENIX_WORKING_DIR=$folder/data PHOENIX_TELEMETRY_ENABLED=false
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

QUESTION = [{"role": "user", "parts": [{"type": "text", "content": "Is it?"}]}]
YES, NO = ({"role": "assistant", "parts": [{"type": "text", "content": text}]} for text in ("Yes", "No"))
STOP = {"finish_reason": "stop"}
CASES = {
    "each with finish_reason": [YES | STOP, NO | STOP],
    "one without": [YES | STOP, NO],
    "none with, gen_ai.response.finish_reasons": [YES, NO],
}


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def wait_until(is_so, limit_s=90):
    until = time.monotonic() + limit_s
    while not is_so():
        assert time.monotonic() < until, f"{is_so.__name__}: not within {limit_s} s"
        time.sleep(0.1)


port = free_port()
os.environ.update(PHOENIX_HOST="127.0.0.1", PHOENIX_PORT=str(port), PHOENIX_GRPC_PORT=str(free_port()))
url = f"http://127.0.0.1:{port}"
client = httpx.Client(base_url=url, timeout=30)


def is_up():
    try:
        return client.get("/healthz").status_code == 200
    except httpx.TransportError:
        return False


def send(tracer, name, answers):
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "m",
        "gen_ai.response.finish_reasons": ["stop", "stop"],
        "gen_ai.input.messages": json.dumps(QUESTION),
        "gen_ai.output.messages": json.dumps(answers),
    }
    tracer.start_span(name, attributes=attributes).end()


def held():
    answer = client.get("/v1/projects/default/spans")
    return {row["name"]: row["attributes"] for row in answer.json()["data"]} if answer.status_code == 200 else {}


def all_are_held():
    return held().keys() == CASES.keys()


def texts(attributes, side):
    keys = (f"llm.{side}_messages.{index}.message.content" for index in range(2))
    return [attributes[key] for key in keys if key in attributes]


arguments = [str(Path(sys.executable).with_name("phoenix")), "serve"]
with subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as phoenix:
    try:
        wait_until(is_up)
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(endpoint=f"{url}/v1/traces")))
        for name, answers in CASES.items():
            send(provider.get_tracer("app"), name, answers)
        wait_until(all_are_held)
        spans = held()
    finally:
        phoenix.terminate()

found = [texts(spans[name], "output") for name in CASES]
for name, answers in zip(CASES, found, strict=True):
    assert texts(spans[name], "input") == ["Is it?"]
    print(f"{name}: {answers}")
assert found == [["Yes", "No"], [], []], found
PY
