// Messages of a server stream, against node:http writing a chunk for each: one reader on the other core, every server restarted
// in every round, the rounds interleaved. CPU time of the server per message first, since it holds when the machine is shared.
//
//   node streams.mjs [--rounds 7] [--messages 1000000]
import { request } from "node:http";
import { cpuMicros, freePort, keep, median, quantile, start, stop } from "./measure.mjs";

const option = (name, value) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? value : Number(process.argv[at + 1]);
};
const rounds = option("rounds", 7);
const messages = option("messages", 1_000_000);
const kinds = ["raw, a chunk for each", "Service Kit, NDJSON", "Service Kit, Server-Sent Events"];
const runs = new Map(kinds.map((kind) => [kind, []]));

for (let round = 0; round < rounds; round++) {
  // The order turns, so that nobody always follows the same neighbour.
  for (const kind of kinds.map((_, i) => kinds[(i + round) % kinds.length])) runs.get(kind).push(await run(kind));
  console.log(
    `round ${round + 1} of ${rounds}: ${kinds.map((kind) => `${kind} ${runs.get(kind).at(-1).cpu.toFixed(2)} µs`).join(" | ")}`,
  );
}
const rows = kinds.map((name) => {
  const ratios = runs.get(name).map(({ cpu }, i) => runs.get(kinds[0])[i].cpu / cpu);
  return {
    name,
    cpu: median(runs.get(name).map(({ cpu }) => cpu)),
    perSecond: median(runs.get(name).map(({ perSecond }) => perSecond)),
    ratio: median(ratios),
    ratioLow: quantile(ratios, 0.25),
  };
});
for (const { name, cpu, perSecond, ratio, ratioLow } of rows)
  console.log(
    `${name.padEnd(32)} ${cpu.toFixed(2)} µs CPU a message, ${Math.round(perSecond)} messages/s, ${ratio.toFixed(2)}x of raw (low ${ratioLow.toFixed(2)}x)`,
  );
keep("streams", { rounds, messages, rows });

async function run(kind) {
  const port = await freePort();
  const args = ["servers/streams.mjs", kind.startsWith("raw") ? "raw" : "ours"];
  const server = start(0, [process.execPath, ...args], { env: { ...process.env, PORT: String(port) } });
  try {
    const accept = kind.endsWith("Events") ? "text/event-stream" : "application/x-ndjson";
    await listening(port);
    await read(port, { accept, to: 20_000 });
    const [cpu, began] = [cpuMicros(server.pid), performance.now()];
    await read(port, { accept, to: messages });
    const seconds = (performance.now() - began) / 1000;
    return { cpu: (cpuMicros(server.pid) - cpu) / messages, perSecond: messages / seconds };
  } finally {
    await stop(server);
  }
}

/** Reads a stream to its end, and looks at nothing but how much there is. */
function read(port, { accept, to }) {
  return new Promise((resolve, reject) => {
    const body = JSON.stringify({ n: to });
    const headers = { accept, "content-type": "application/json", "content-length": body.length };
    const sent = request({ port, host: "127.0.0.1", method: "POST", path: "/feed/count", headers, agent: false });
    let bytes = 0;
    sent.on("error", reject);
    sent.on("response", (response) => {
      response.on("data", (chunk) => (bytes += chunk.length));
      response.on("end", () => (bytes > to * 10 ? resolve() : reject(new Error(`only ${bytes} bytes`))));
      response.on("error", reject);
    });
    sent.end(body);
  });
}

async function listening(port) {
  for (let tries = 0; tries < 200; tries++) {
    try {
      return await read(port, { accept: "*/*", to: 1 });
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }
  throw new Error("the server does not answer");
}
