#!/usr/bin/env bash
# opentelemetry-instrumentation-openai-v2 2.4b0 asks for "opentelemetry-util-genai>=0.4b0.dev" without an upper bound, and cannot be
# imported beside 1.2b0 and 1.3b0, which have no module `opentelemetry.util.genai.instruments` any more; 1.1b0 still has it. Since the
# import ends in a ModuleNotFoundError, `opentelemetry-instrument` (opentelemetry-instrumentation 0.66b2) takes the instrumentation
# for one that is not needed: it says so at level DEBUG alone, and the application runs without a span of its calls. The package
# also imports httpx, which it does not ask for and which openai 3 does not bring any more.
#
# Seen: "util-genai 1.3b0: create is the client's own", "util-genai 1.1b0: create is patched", "util-genai 1.1b0 without httpx: create is the client's own";
# nothing on stderr in any of them, exit status 0.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet opentelemetry-instrumentation-openai-v2==2.4b0 opentelemetry-util-genai==1.3b0 \
  opentelemetry-distro==0.66b2 openai==3.57.0 httpx==0.28.1

cat > "$folder/app.py" <<'PY'
from openai.resources.chat.completions import Completions

patched = type(Completions.create).__name__ == "BoundFunctionWrapper"
print("create is patched" if patched else "create is the client's own")
PY

unset "${!OTEL_@}"
cd "$folder"
run() {
  OTEL_TRACES_EXPORTER=console OTEL_METRICS_EXPORTER=none OTEL_LOGS_EXPORTER=none \
    venv/bin/opentelemetry-instrument venv/bin/python app.py 2>> said
}

newest=$(run)
venv/bin/pip install --quiet opentelemetry-util-genai==1.1b0
older=$(run)
venv/bin/pip uninstall --quiet --yes httpx
without_httpx=$(run)
echo "util-genai 1.3b0: $newest"
echo "util-genai 1.1b0: $older"
echo "util-genai 1.1b0 without httpx: $without_httpx"
[[ $newest == "create is the client's own" ]]
[[ $older == "create is patched" ]]
[[ $without_httpx == "create is the client's own" ]]
diff said /dev/null
