// Vercel's AI SDK with its telemetry: a whole call, a streamed one, one with a tool, and one that fails.
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { NodeTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-node";
import { generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

const provider = new NodeTracerProvider({
  resource: resourceFromAttributes({ "service.name": "captured" }),
  spanProcessors: [new SimpleSpanProcessor(new OTLPTraceExporter())],
});
provider.register();

const model = createOpenAICompatible({
  name: "local",
  baseURL: process.env.OPENAI_BASE_URL,
  includeUsage: true,
})("scripted");
const experimental_telemetry = {
  isEnabled: true,
  functionId: "capital",
  metadata: { userId: "user-1", sessionId: "session-1" },
};
const shared = { model, experimental_telemetry, maxRetries: 0 };

await generateText({ ...shared, system: "Be brief.", prompt: "What is the capital of France?" });
await streamText({ ...shared, prompt: "What is the capital of France?" }).text;
const weather = tool({
  description: "The weather in a city.",
  inputSchema: z.object({ city: z.string() }),
  execute: async ({ city }) => `rainy in ${city}`,
});
await generateText({
  ...shared,
  prompt: "Weather in Berlin?",
  tools: { weather },
  stopWhen: stepCountIs(2),
  prepareStep: ({ stepNumber, messages }) =>
    stepNumber === 0 ? {} : { messages: [...messages, { role: "user", content: "Finish." }] },
});
await generateText({ ...shared, prompt: "Be overloaded." }).catch(() => {});
await provider.shutdown();
