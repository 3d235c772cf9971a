#!/usr/bin/env bash
# opentelemetry-sdk 1.45.2 with opentelemetry-exporter-otlp-proto-http 1.45.2: OTEL_TRACES_EXPORTER=otlp, the value that the
# specification names as the default, means gRPC where no protocol is set, though the specification's default protocol is
# http/protobuf. Without the gRPC exporter the configuration fails as a whole: metrics, whose exporter is not even named, have no
# provider either. With OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf all is well.
#
# Seen: "otlp: Requested component 'otlp_proto_grpc' not found; providers ProxyTracerProvider _ProxyMeterProvider",
# "otlp, http/protobuf: no error; providers TracerProvider MeterProvider".
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet opentelemetry-sdk==1.45.2 opentelemetry-exporter-otlp-proto-http==1.45.2

cat > "$folder/configured.py" <<'PY'
from opentelemetry import metrics, trace
from opentelemetry.sdk._configuration import _OTelSDKConfigurator

said = "no error"
try:
    _OTelSDKConfigurator().configure()
except Exception as error:
    said = str(error).partition(" in entry point")[0]
print(f"{said}; providers {type(trace.get_tracer_provider()).__name__} {type(metrics.get_meter_provider()).__name__}")
PY

unset "${!OTEL_@}"
export OTEL_TRACES_EXPORTER=otlp
alone=$("$folder/venv/bin/python" "$folder/configured.py")
with_protocol=$(OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf "$folder/venv/bin/python" "$folder/configured.py")
echo "otlp: $alone"
echo "otlp, http/protobuf: $with_protocol"
[[ $alone == "Requested component 'otlp_proto_grpc' not found; providers ProxyTracerProvider _ProxyMeterProvider" ]]
[[ $with_protocol == "no error; providers TracerProvider MeterProvider" ]]
