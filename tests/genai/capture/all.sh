#!/bin/sh
# Captures everything anew: ./all.sh PYTHON_OF_THE_PROJECT FOLDER_OF_THE_ENVIRONMENTS (see README.md).
set -eu
cd "$(dirname "$0")"
python=$1 environments=$2

version() { "$environments/$1/bin/python" -c "from importlib.metadata import version as v; print('$2', v('$2'), end='')"; }

"$python" capture.py openllmetry "$(version openllmetry opentelemetry-instrumentation-openai)" \
  -- "$environments/openllmetry/bin/python" openllmetry_app.py
"$python" capture.py openllmetry_old "$(version openllmetry_old opentelemetry-instrumentation-openai)" \
  -- "$environments/openllmetry_old/bin/python" openllmetry_app.py
"$python" capture.py openinference "$(version openinference openinference-instrumentation-openai)" \
  -- "$environments/openinference/bin/python" openinference_app.py
export OTEL_INSTRUMENTATION_GENAI_EMIT_EVENT=true
"$python" capture.py openai_v2_legacy "$(version openai_v2_old opentelemetry-instrumentation-openai-v2)" \
  OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=true \
  -- "$environments/openai_v2_old/bin/python" openai_v2_app.py
for form in span event; do
  content=$(echo "${form}_only" | tr a-z A-Z)
  "$python" capture.py "openai_v2_$form" "$(version openai_v2 opentelemetry-instrumentation-openai-v2)" \
    OTEL_SEMCONV_STABILITY_OPT_IN=gen_ai_latest_experimental \
    OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT="$content" \
    -- "$environments/openai_v2/bin/python" openai_v2_app.py
done
"$python" capture.py litellm "$(version litellm litellm)" OTEL_EXPORTER=otlp_http OTEL_SERVICE_NAME=captured \
  LITELLM_LOCAL_MODEL_COST_MAP=True \
  -- "$environments/litellm/bin/python" litellm_app.py
"$python" capture.py newest/litellm_1.110.2 "$(version litellm_newest litellm)" OTEL_EXPORTER=otlp_http \
  OTEL_SERVICE_NAME=captured LITELLM_LOCAL_MODEL_COST_MAP=True \
  -- "$environments/litellm_newest/bin/python" litellm_calls_app.py
for form in content no_content; do
  "$python" capture.py "newest/pydantic_ai_2.68.0_$form" "$(version pydantic_ai pydantic-ai-slim)" \
    -- "$environments/pydantic_ai/bin/python" pydantic_ai_app.py "$form"
done
"$python" capture.py newest/strands_agents_1.62.0 "$(version strands strands-agents)" \
  -- "$environments/strands/bin/python" strands_app.py
"$python" capture.py newest/strands_agents_1.62.0_latest "$(version strands strands-agents)" \
  OTEL_SEMCONV_STABILITY_OPT_IN=gen_ai_latest_experimental -- "$environments/strands/bin/python" strands_app.py
"$python" capture.py newest/openllmetry_0.62.4 \
  "$(version openllmetry_newest opentelemetry-instrumentation-openai)" \
  -- "$environments/openllmetry_newest/bin/python" openai_newest_app.py openllmetry
"$python" capture.py newest/openinference_0.1.66 "$(version openinference openinference-instrumentation-openai)" \
  -- "$environments/openinference/bin/python" openai_newest_app.py openinference
cp vercel_app.mjs "$environments/vercel/"
"$python" capture.py vercel "ai $(node -p "require('$environments/vercel/node_modules/ai/package.json').version")" \
  -- node "$environments/vercel/vercel_app.mjs"
"$python" capture.py own "otel-llm" OTEL_SERVICE_NAME=captured OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=true \
  OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf \
  -- "$python" -m otel_llm run -- "$python" own_app.py
