// An instance to be restarted: one method that takes a few milliseconds. Ends as an orchestrator ends it, by SIGTERM; or at once, as the control.
import { setTimeout as pause } from "node:timers/promises";
import { service } from "servicekit";
import { method } from "servicekit/contract";
import { serve } from "servicekit/server";
import { httpServer } from "servicekit/transport/http";
import { z } from "zod";

const [, , port, drains] = process.argv;
const n = z.object({ n: z.int() });
const jobs = service("jobs", { look: method({ request: n, response: n, idempotent: true }) });
const implementation = jobs.implement({
  look: async (request) => {
    await pause(5);
    return request;
  },
});
const options = { log: false, metrics: false, trace: false, graceMs: 100 };
if (drains === "no") process.on("SIGTERM", () => process.exit());
await serve(implementation, {
  ...options,
  on: [httpServer({ port: Number(port), host: "127.0.0.1" })],
  ...(drains === "no" ? { signals: false } : {}),
});
process.send("ready");
// Its parent's end is its own.
process.on("disconnect", () => process.exit());
process.channel?.unref();
