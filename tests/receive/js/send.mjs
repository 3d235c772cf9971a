// Sends one span, log record or metric with each exporter of OpenTelemetry's JavaScript SDK.
// Arguments: the base URL of an OTLP/HTTP receiver, the address of an OTLP/gRPC one.
// Prints one JSON object: what each exporter reported, 0 for success.
import { context, trace, SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-http';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPTraceExporter as GrpcExporter } from '@opentelemetry/exporter-trace-otlp-grpc';
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtobufExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { InMemoryLogRecordExporter, LoggerProvider, SimpleLogRecordProcessor } from '@opentelemetry/sdk-logs';
import { AggregationTemporality, InMemoryMetricExporter, MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';

const [http, grpc] = process.argv.slice(2);
const outcome = {};

async function send(name, exporter, items) {
  outcome[name] = await new Promise((resolve) => exporter.export(items, resolve)).then(({ code, error }) => error?.message ?? code);
  await exporter.shutdown();
}

const finished = new InMemorySpanExporter();
const tracer = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(finished)] }).getTracer('peer', '1');
const span = tracer.startSpan('chat gpt-4o', { kind: SpanKind.CLIENT });
span.setAttributes({ text: 'Grüße', int: 42, double: 0.5, flag: true, list: ['a', 'b'] });
span.addEvent('said', { n: 1 });
span.setStatus({ code: SpanStatusCode.ERROR, message: 'failed' });
span.end();
const spans = finished.getFinishedSpans();
await send('traces/json', new JsonExporter({ url: `${http}/v1/traces` }), spans);
await send('traces/json+gzip', new JsonExporter({ url: `${http}/v1/traces`, compression: 'gzip' }), spans);
await send('traces/protobuf', new ProtobufExporter({ url: `${http}/v1/traces` }), spans);
await send('traces/grpc', new GrpcExporter({ url: `http://${grpc}` }), spans);
await send('traces/grpc+gzip', new GrpcExporter({ url: `http://${grpc}`, compression: 'gzip' }), spans);

const kept = new InMemoryLogRecordExporter();
const logger = new LoggerProvider({ processors: [new SimpleLogRecordProcessor({ exporter: kept })] }).getLogger('peer');
logger.emit({ eventName: 'gen_ai.choice', body: { content: 'said' }, context: trace.setSpan(context.active(), span) });
await send('logs/json', new OTLPLogExporter({ url: `${http}/v1/logs` }), kept.getFinishedLogRecords());

const memory = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
const reader = new PeriodicExportingMetricReader({ exporter: memory });
const meter = new MeterProvider({ readers: [reader] }).getMeter('peer');
meter.createCounter('tokens').add(7);
meter.createHistogram('latency').record(0.25);
const { resourceMetrics } = await reader.collect();
await send('metrics/json', new OTLPMetricExporter({ url: `${http}/v1/metrics` }), resourceMetrics);
await reader.shutdown();

console.log(JSON.stringify(outcome));
