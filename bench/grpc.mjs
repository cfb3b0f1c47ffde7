// gRPC against the floor and the peers: unary servers under h2load, unary clients against the raw server, and messages of a
// server stream. Every program restarted in every round, the rounds interleaved; CPU time per call or message first.
//
//   node grpc.mjs [--rounds 7] [--seconds 4] [--messages 300000] [--part servers|clients|streams|memory]
import { connect } from "node:http2";
import { unlinkSync, writeFileSync } from "node:fs";
import { option } from "./compare.mjs";
import { cpuMicros, freePort, has, here, keep, median, quantile, residentMb, start, stop } from "./measure.mjs";
import { framed, numbers, pair } from "./servers/grpc-wire.mjs";

const rounds = Number(option("rounds", 7));
const seconds = Number(option("seconds", 4));
const messages = Number(option("messages", 300_000));
const part = option("part", "");
const frameFile = `${here}results/.sum-frame`;

if (!has("h2load")) throw new Error("h2load is needed: apt-get install nghttp2-client");
writeFileSync(frameFile, framed(pair(1, 2)));
const results = { rounds, seconds, messages };
try {
  if (part === "" || part === "servers")
    results.servers = await compared(["raw", "ours", "everything", "grpc-js", "nice-grpc", "connect"], unaryServer);
  if (part === "" || part === "clients")
    results.clients = await compared(["raw", "ours", "grpc-js", "nice-grpc", "connect"], unaryClient);
  if (part === "" || part === "streams") results.streams = await compared(["raw", "ours", "grpc-js"], streamingServer);
  if (part === "" || part === "memory") results.memory = await memory(["raw", "ours", "grpc-js"]);
} finally {
  unlinkSync(frameFile);
}
if (part === "") keep("grpc", results);

async function compared(kinds, run) {
  console.log(run.name);
  const runs = new Map(kinds.map((kind) => [kind, []]));
  for (let round = 0; round < rounds; round++) {
    // The order turns, so that nobody always follows the same neighbour.
    for (const kind of kinds.map((_, i) => kinds[(i + round) % kinds.length])) runs.get(kind).push(await run(kind));
    console.log(
      `round ${round + 1} of ${rounds}: ${kinds.map((kind) => `${kind} ${runs.get(kind).at(-1).cpu.toFixed(2)}`).join(" | ")}`,
    );
  }
  const against = (kind, base) => runs.get(kind).map(({ cpu }, i) => runs.get(base)[i].cpu / cpu);
  const rows = kinds.map((kind) => ({
    name: kind,
    cpu: median(runs.get(kind).map(({ cpu }) => cpu)),
    perSecond: median(runs.get(kind).map(({ perSecond }) => perSecond)),
    loadedMb: runs.get(kind)[0].loadedMb === undefined ? undefined : median(runs.get(kind).map((one) => one.loadedMb)),
    against: Object.fromEntries(
      kinds.map((base) => [base, { cpu: median(against(kind, base)), low: quantile(against(kind, base), 0.25) }]),
    ),
  }));
  for (const { name, cpu, perSecond, against } of rows)
    console.log(
      `${name.padEnd(12)} ${cpu.toFixed(2)} µs CPU, ${Math.round(perSecond)}/s, ${against.raw.cpu.toFixed(2)}x raw (low ${against.raw.low.toFixed(2)}), ${against["grpc-js"].cpu.toFixed(2)}x grpc-js (low ${against["grpc-js"].low.toFixed(2)})`,
    );
  return rows;
}

/** What a server takes for each of ten thousand streams that are open and silent; the median of three. */
async function memory(kinds) {
  const open = 10_000;
  const rows = [];
  for (const name of kinds) {
    const runs = [];
    for (let round = 0; round < 3; round++)
      runs.push(
        await served(name, async (port, pid) => {
          const before = residentMb(pid);
          const sessions = await hold(port, open);
          const kib = ((residentMb(pid) - before) * 1024) / open;
          for (const session of sessions) session.destroy();
          return kib;
        }),
      );
    rows.push({ name, kib: median(runs) });
    console.log(`${name.padEnd(12)} ${median(runs).toFixed(1)} KiB for each of ${open} open streams`);
  }
  return { open, rows };
}

/** Opens streams, a hundred on a connection, and resolves when each has had its first message. */
async function hold(port, count) {
  const head = { ":method": "POST", ":path": "/pb.Add/Wait", "content-type": "application/grpc", te: "trailers" };
  const sessions = Array.from({ length: count / 100 }, () => connect(`http://127.0.0.1:${port}`));
  const opened = sessions.flatMap((session) =>
    Array.from({ length: 100 }, () => {
      const stream = session.request(head);
      stream.end(framed(pair(1, 0)));
      return new Promise((resolve, reject) => stream.once("data", resolve).once("error", reject));
    }),
  );
  await Promise.all(opened);
  return sessions;
}

async function unaryServer(kind) {
  return served(kind, async (port, pid) => {
    await load(port, 2);
    const before = cpuMicros(pid);
    const answers = await load(port, seconds);
    return { cpu: (cpuMicros(pid) - before) / answers, perSecond: answers / seconds, loadedMb: residentMb(pid) };
  });
}

async function streamingServer(kind) {
  return served(kind, async (port, pid) => {
    await read(port, 20_000);
    const [before, began] = [cpuMicros(pid), performance.now()];
    await read(port, messages);
    const perSecond = messages / ((performance.now() - began) / 1000);
    return { cpu: (cpuMicros(pid) - before) / messages, perSecond };
  });
}

function unaryClient(kind) {
  return served(
    "raw",
    (port) => output(0, [process.execPath, "servers/grpc-caller.mjs", kind], port).then(JSON.parse),
    1,
  );
}

async function served(kind, use, core = 0) {
  const port = await freePort();
  const env = { ...process.env, NODE_ENV: "production", PORT: String(port) };
  const server = start(core, [process.execPath, "servers/grpc.mjs", kind], { env });
  try {
    await answering(port);
    return await use(port, server.pid);
  } finally {
    await stop(server);
  }
}

/** Four connections with sixteen streams each; resolves with the number of good answers. */
async function load(port, duration) {
  const text = await output(1, [
    "h2load",
    ...["-c4", "-m16", "-t1", `-D${duration}`, "-d", frameFile],
    ...["-H", "content-type: application/grpc", "-H", "te: trailers", "-H", "grpc-timeout: 3S"],
    `http://127.0.0.1:${port}/pb.Add/Sum`,
  ]);
  const [, done, failed] = /(\d+) succeeded, (\d+) failed/.exec(text);
  if (Number(failed) > 100) throw new Error(text);
  return Number(done);
}

function output(core, line, port = 0) {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, PORT: String(port) };
    const child = start(core, line, { env, stdio: ["ignore", "pipe", "inherit"] });
    let text = "";
    child.stdout.on("data", (chunk) => (text += chunk));
    child.once("error", reject);
    child.once("close", (code) => (code === 0 ? resolve(text) : reject(new Error(`${line[0]} ended with ${code}`))));
  });
}

async function answering(port) {
  for (let tries = 0; ; tries++) {
    try {
      return await sumOnce(port);
    } catch (error) {
      if (tries === 200) throw error;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }
}

/** A server must first answer rightly. */
function sumOnce(port) {
  return asked({ port, path: "/pb.Add/Sum", message: pair(1, 2) }, (stream, resolve, reject) => {
    let value;
    stream.on("data", (chunk) => (value = numbers(chunk, 5)[1]));
    stream.on("trailers", (trailers) =>
      trailers["grpc-status"] === "0" && value === 3 ? resolve() : reject(new Error(JSON.stringify(trailers))),
    );
  });
}

/** Reads a stream to its end, and looks at nothing but how much there is. */
function read(port, count) {
  return asked({ port, path: "/pb.Add/Count", message: pair(count, 0) }, (stream, resolve, reject) => {
    let bytes = 0;
    stream.on("data", (chunk) => (bytes += chunk.length));
    stream.on("end", () => (bytes > count * 6 ? resolve() : reject(new Error(`only ${bytes} bytes`))));
  });
}

function asked({ port, path, message }, hear) {
  return new Promise((resolve, reject) => {
    const session = connect(`http://127.0.0.1:${port}`);
    session.on("error", reject);
    const head = { ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers" };
    const stream = session.request(head);
    stream.on("error", reject);
    const done = (settle) => (value) => {
      session.destroy();
      settle(value);
    };
    hear(stream, done(resolve), done(reject));
    stream.end(framed(message));
  });
}
