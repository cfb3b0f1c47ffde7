// The add service with everything on, whoever carries it: validated request, JSON access log to /dev/null, RED metrics,
// trace at 1 % with traceparent, token bucket per peer, breaker, 3 s deadline.
import { openSync, writeSync } from "node:fs";
import { method, service } from "servicekit";
import { logger } from "servicekit/log";
import { tracer } from "servicekit/trace";
import { z } from "zod";

const int = z.int();
export const add = service("add", {
  sum: method({ request: z.object({ a: int, b: int }), response: z.object({ v: int }), idempotent: true }),
});
const handlers =
  process.argv[2] === "async" ? { sum: async ({ a, b }) => ({ v: a + b }) } : { sum: ({ a, b }) => ({ v: a + b }) };
const nowhere = openSync("/dev/null", "w");

export const implementation = add.implement(handlers);

export const everything = {
  log: logger({ format: "json", write: (text) => void writeSync(nowhere, text) }),
  trace: tracer({ service: "add", ratio: 0.01, exporter: { export: () => undefined } }),
  limit: { perSecond: 1e6, burst: 1e6, per: "peer" },
  breaker: { consecutive: 5 },
};
