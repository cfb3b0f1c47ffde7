// Calls POST /sum with 64 in flight for some seconds and prints what a call cost.
import { Agent, request } from "node:http";
import { method, service } from "servicekit";
import { client } from "servicekit/client";
import { httpClient, routes } from "servicekit/transport/http";
import { z } from "zod";

const port = Number(process.env.PORT);
const int = z.int();

function bare() {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  return (a, b) =>
    new Promise((resolve, reject) => {
      const body = JSON.stringify({ a, b });
      const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
      const sent = request({ agent, host: "127.0.0.1", port, method: "POST", path: "/sum", headers }, (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk) => (text += chunk));
        response.on("end", () => resolve(JSON.parse(text)));
      });
      sent.on("error", reject);
      sent.end(body);
    });
}

function ours() {
  const add = service("add", {
    sum: method({ request: z.object({ a: int, b: int }), response: z.object({ v: int }), idempotent: true }),
  });
  const remote = client(add, httpClient({ routes: [routes(add, { sum: "POST /sum" })] }), {
    from: `http://127.0.0.1:${port}`,
  });
  return (a, b) => remote.sum({ a, b });
}

const sum = process.argv[2] === "ours" ? ours() : bare();
let calls = 0;
let until = 0;

async function worker() {
  while (performance.now() < until) {
    const { v } = await sum(calls, 1);
    if (typeof v !== "number") throw new Error("no answer");
    calls++;
  }
}

async function phase(ms) {
  until = performance.now() + ms;
  calls = 0;
  const begun = process.cpuUsage();
  await Promise.all(Array.from({ length: 64 }, worker));
  const { user, system } = process.cpuUsage(begun);
  return { cpu: (user + system) / calls, perSecond: (calls / ms) * 1000 };
}

await phase(2000);
process.stdout.write(JSON.stringify(await phase(4000)));
process.exit(0);
