// A stream of small messages: by hand on node:http, a chunk for each and waiting for "drain", or by the toolkit with its defaults
// but for the log.
import { once } from "node:events";
import { createServer } from "node:http";
import { method, service } from "servicekit";
import { serve } from "servicekit/server";
import { httpServer } from "servicekit/transport/http";
import { z } from "zod";

const port = Number(process.env.PORT);

async function* count({ n }) {
  for (let i = 1; i <= n; i++) yield { n: i, text: "a message" };
}

async function write(messages, response) {
  response.writeHead(200, { "content-type": "application/x-ndjson" });
  for await (const message of messages)
    if (!response.write(`${JSON.stringify(message)}\n`)) await once(response, "drain");
  response.end();
}

if (process.argv[2] === "raw") {
  createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8");
    request.on("data", (chunk) => (body += chunk));
    request.on("end", () => void write(count(JSON.parse(body)), response));
  }).listen(port, "127.0.0.1");
} else {
  const response = z.object({ n: z.int(), text: z.string() });
  const request = z.object({ n: z.int() });
  const feed = service("feed", { count: method({ request, response, stream: "server", timeoutMs: 600_000 }) });
  await serve(feed.implement({ count }), { on: [httpServer({ port, host: "127.0.0.1" })], log: false, signals: false });
}
