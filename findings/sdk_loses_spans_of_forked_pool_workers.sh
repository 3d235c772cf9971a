#!/usr/bin/env bash
# opentelemetry-sdk 1.45.2 with CPython's multiprocessing: the SDK shuts a tracer provider down by `atexit`, and the workers of a
# `multiprocessing.Pool` that was made by fork (Linux's default up to Python 3.13) or by forkserver (3.14's) end by `os._exit`, which
# skips it. So what waits in a worker's BatchSpanProcessor is lost without a word, though the pool was ended in order, by `close` and
# `join`. With spawn the spans arrive, and with fork where each task calls `force_flush` or the worker's initializer registers
# `shutdown` by `multiprocessing.util.Finalize`.
#
# Seen: "fork: 0 of 4 spans", "forkserver: 0 of 4 spans", "spawn: 4 of 4 spans", "fork, Finalize: 4 of 4 spans".
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet opentelemetry-sdk==1.45.2

cat > "$folder/evaluate.py" <<'PY'
import multiprocessing
import sys
from multiprocessing.util import Finalize

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter

provider = TracerProvider()
exporter = ConsoleSpanExporter(formatter=lambda span: f"{span.name}\n")
provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=60_000))
trace.set_tracer_provider(provider)


def task(number):
    with trace.get_tracer("app").start_as_current_span(f"task {number}"):
        pass


def register_shutdown():
    Finalize(None, provider.shutdown, exitpriority=1)


if __name__ == "__main__":
    method, initializer = sys.argv[1], register_shutdown if sys.argv[2:] else None
    with multiprocessing.get_context(method).Pool(2, initializer) as pool:
        pool.map(task, range(4))
        pool.close()
        pool.join()
PY

unset "${!OTEL_@}"
for arguments in fork forkserver spawn "fork Finalize"; do
  # shellcheck disable=SC2086 # two arguments
  spans=$("$folder/venv/bin/python" "$folder/evaluate.py" $arguments | grep -c '^task' || true)
  echo "${arguments/ /, }: $spans of 4 spans" | tee -a "$folder/seen"
done
diff "$folder/seen" - <<'SEEN'
fork: 0 of 4 spans
forkserver: 0 of 4 spans
spawn: 4 of 4 spans
fork, Finalize: 4 of 4 spans
SEEN
