#!/usr/bin/env bash
# arize-phoenix 20.26.1: POST /v1/span_annotations answers an annotation of a span that Phoenix does not hold as it answers a good one,
# by 200 and an empty list. It waits for its span (60 tries, 10 s apart, says the source) and is then dropped, so the answer tells
# no client that a span was sampled away or its id was wrong. With sync=true one unknown span is a 404 for the whole request: the
# annotations of known spans in it are not stored either.
#
# Seen: "known: 200 {'data': []}, stored", "unknown: 200 {'data': []}", "both, sync=true: 404, the known one not stored".
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

UNKNOWN = "0123456789abcdef"


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


def annotate(name, *span_ids, **parameters):
    data = [{"span_id": i, "name": name, "annotator_kind": "CODE", "result": {"score": 1.0}} for i in span_ids]
    answer = client.post("/v1/span_annotations", params=parameters, json={"data": data})
    return answer.status_code, answer.json() if answer.status_code == 200 else answer.text


def stored():
    answer = client.get("/v1/projects/default/span_annotations", params={"span_ids": [known, UNKNOWN]})
    return {(annotation["name"], annotation["span_id"]) for annotation in answer.json()["data"]}


def known_is_held():
    answer = client.get("/v1/projects/default/spans")
    return answer.status_code == 200 and any(row["context"]["span_id"] == known for row in answer.json()["data"])


def first_is_stored():
    return ("first", known) in stored()


def last_is_stored():
    return ("last", known) in stored()


arguments = [str(Path(sys.executable).with_name("phoenix")), "serve"]
with subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as phoenix:
    try:
        wait_until(is_up)
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(endpoint=f"{url}/v1/traces")))
        with provider.get_tracer("app").start_as_current_span("chat") as span:
            known = format(span.get_span_context().span_id, "016x")
        wait_until(known_is_held)
        accepted = {"known": annotate("first", known), "unknown": annotate("lost", UNKNOWN)}
        wait_until(first_is_stored)
        refused = annotate("together", known, UNKNOWN, sync=True)
        annotate("last", known)
        wait_until(last_is_stored)
        names = stored()
    finally:
        phoenix.terminate()

print(f"known: {accepted['known'][0]} {accepted['known'][1]}, stored")
print(f"unknown: {accepted['unknown'][0]} {accepted['unknown'][1]}")
print(f"both, sync=true: {refused[0]}, the known one {'stored' if ('together', known) in names else 'not stored'}")
assert accepted == {"known": (200, {"data": []}), "unknown": (200, {"data": []})}, accepted
assert refused == (404, f"Spans with IDs {UNKNOWN} do not exist."), refused
assert names == {("first", known), ("last", known)}, names
PY
