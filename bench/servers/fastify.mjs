// Fastify with the same features from the usual packages: pino, prom-client, @fastify/rate-limit, opossum, OpenTelemetry at 1 %,
// auto-instrumented ("auto") or with spans placed by hand ("hand").
import { context, propagation, SpanKind, trace } from "@opentelemetry/api";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { BatchSpanProcessor, ParentBasedSampler, TraceIdRatioBasedSampler } from "@opentelemetry/sdk-trace-base";
import { NodeTracerProvider } from "@opentelemetry/sdk-trace-node";

const auto = process.argv[2] === "auto";
const exporter = {
  export: (_spans, done) => done({ code: 0 }),
  shutdown: async () => undefined,
  forceFlush: async () => undefined,
};
const provider = new NodeTracerProvider({
  sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(0.01) }),
  spanProcessors: [new BatchSpanProcessor(exporter)],
});
provider.register({ propagator: new W3CTraceContextPropagator() });

let otelPlugin;
if (auto) {
  const { registerInstrumentations } = await import("@opentelemetry/instrumentation");
  const { HttpInstrumentation } = await import("@opentelemetry/instrumentation-http");
  const { FastifyOtelInstrumentation } = await import("@fastify/otel");
  const fastifyOtel = new FastifyOtelInstrumentation();
  registerInstrumentations({ tracerProvider: provider, instrumentations: [new HttpInstrumentation(), fastifyOtel] });
  otelPlugin = fastifyOtel.plugin();
}

const { default: fastify } = await import("fastify");
const { default: pino } = await import("pino");
const { default: prom } = await import("prom-client");
const { default: rateLimit } = await import("@fastify/rate-limit");
const { default: CircuitBreaker } = await import("opossum");

const log = pino({ level: "info" }, pino.destination({ dest: "/dev/null", sync: true }));
const counter = new prom.Counter({
  name: "requests_total",
  help: "Requests.",
  labelNames: ["method", "route", "code"],
});
const duration = new prom.Histogram({
  name: "request_seconds",
  help: "Durations.",
  labelNames: ["method", "route", "code"],
});
const tracer = trace.getTracer("bench");
const app = fastify({ logger: false });

if (otelPlugin !== undefined) await app.register(otelPlugin);
await app.register(rateLimit, { max: 1e9, timeWindow: 1000 });

app.addHook("onRequest", (request, _reply, done) => {
  request.startMs = performance.now();
  if (!auto) {
    const parent = propagation.extract(context.active(), request.headers);
    request.span = tracer.startSpan("POST /sum", { kind: SpanKind.SERVER }, parent);
  }
  done();
});
app.addHook("onResponse", (request, reply, done) => {
  const ms = performance.now() - request.startMs;
  counter.inc({ method: request.method, route: "/sum", code: reply.statusCode });
  duration.observe({ method: request.method, route: "/sum", code: reply.statusCode }, ms / 1000);
  log.info({ method: request.method, url: request.url, status: reply.statusCode, ms, ip: request.ip }, "request");
  request.span?.end();
  done();
});

const breaker = new CircuitBreaker(async ({ a, b }) => ({ v: a + b }), { timeout: 3000 });
const int = { type: "integer" };
app.post(
  "/sum",
  {
    schema: {
      body: { type: "object", required: ["a", "b"], properties: { a: int, b: int } },
      response: { 200: { type: "object", properties: { v: int } } },
    },
  },
  (request) => breaker.fire(request.body),
);
await app.listen({ port: Number(process.env.PORT), host: "127.0.0.1" });
