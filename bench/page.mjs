// Writes docs/figures.md from what the last runs kept.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { here } from "./measure.mjs";

const read = (name) =>
  existsSync(`${here}results/${name}.json`)
    ? JSON.parse(readFileSync(`${here}results/${name}.json`, "utf8"))
    : undefined;
const table = (head, rows) =>
  [
    `| ${head.join(" | ")} |`,
    `|${head.map(() => "---").join("|")}|`,
    ...rows.map((row) => `| ${row.join(" | ")} |`),
  ].join("\n");
const met = (ok) => (ok ? "reached" : "**not reached**");
const x = (ratio) => `${ratio.toFixed(2)}x`;
const origin = ({ date, machine }) => `${date}, ${machine.cores} cores (${machine.cpu}), Node ${machine.node}.`;

/** Servers side by side, with their ratios against `base`. */
const serversTable = (rows, base) =>
  table(
    [
      "server",
      "CPU µs a request",
      "requests/s",
      "CPU, against the first",
      "throughput, against it",
      "MB idle",
      "MB loaded",
    ],
    rows.map(({ name, cpu, perSecond, against, idleMb, loadedMb }) => [
      name,
      cpu.toFixed(1),
      perSecond.toFixed(0),
      `${x(against[base].cpu)} (low ${x(against[base].cpuLow)})`,
      x(against[base].perSecond),
      idleMb.toFixed(0),
      loadedMb.toFixed(0),
    ]),
  );

const parts = [
  "# Figures\n\nWritten by `bench/page.mjs` from `npm run bench`; do not edit. Machines are shared and noisy: believe ratios, not absolute figures.",
];

const http = read("http");
if (http !== undefined) {
  const row = (part) => http.rows.find(({ name }) => name.includes(part));
  const raw = "raw node:http";
  const [sync, async_] = [row(", sync"), row(", async")];
  const [hand, auto, go] = [row("by hand"), row("auto-instrumented"), row("Go kit")];
  const goals = [
    [
      "sync against raw node:http",
      ">= 0.90x, lower quartile >= 0.88x",
      `${x(sync.against[raw].cpu)}, ${x(sync.against[raw].cpuLow)}`,
      met(sync.against[raw].cpu >= 0.9 && sync.against[raw].cpuLow >= 0.88),
    ],
    ["async against raw node:http", ">= 0.85x", x(async_.against[raw].cpu), met(async_.against[raw].cpu >= 0.85)],
    [
      "sync against fastify, auto-instrumented",
      ">= 3.5x",
      x(sync.against[auto.name].cpu),
      met(sync.against[auto.name].cpu >= 3.5),
    ],
    [
      "sync against fastify, spans by hand",
      ">= 2.3x",
      x(sync.against[hand.name].cpu),
      met(sync.against[hand.name].cpu >= 2.3),
    ],
    ...(go === undefined
      ? []
      : [
          [
            "sync against Go kit's whole stack",
            ">= 1.15x",
            x(sync.against[go.name].cpu),
            met(sync.against[go.name].cpu >= 1.15),
          ],
        ]),
  ];
  parts.push(
    `## A request with everything on\n\n\`POST /sum\`: validated request, JSON access log to /dev/null, RED metrics, trace at 1 % with traceparent, token bucket per peer, breaker, 3 s deadline. 64 connections, no pipelining; server on core 0, ${http.generator} on core 1; ${http.rounds} rounds of ${http.seconds} s, every server restarted in each, order turning. Ratios are medians over the rounds of the other's CPU time per request divided by ours. ${origin(http)}`,
    serversTable(http.rows, raw),
    table(["goal", "wanted", "measured", ""], goals),
    "Go kit's row has no tracing, which favours it; it is left out where no Go toolchain was at hand.",
    "Where a goal is missed: the machine was shared, and the bare server itself spread by a tenth from round to round, so the quartile may be the machine's. What the async row loses to the sync one has not been taken apart. Our log is written through a buffer that is used again, pino's in its own synchronous way.",
  );
}

const bun = read("bun");
if (bun !== undefined) {
  parts.push(
    `## On Bun\n\nThe same request and the same stack, by \`fetchHandler\` behind \`Bun.serve\`; as above, ${bun.rounds} rounds of ${bun.seconds} s. ${origin(bun)}`,
    serversTable(bun.rows, "raw Bun.serve"),
  );
}

const streams = read("streams");
if (streams !== undefined) {
  parts.push(
    `## Messages of a stream\n\nOne reader, ${streams.messages} messages, ${streams.rounds} interleaved restarts; raw is node:http with a chunk for each message. Ours is faster than that because what is said in one turn of the loop goes out in one piece. ${origin(streams)}`,
    table(
      ["server", "CPU µs a message", "messages/s", "CPU, against raw"],
      streams.rows.map(({ name, cpu, perSecond, ratio, ratioLow }) => [
        name,
        cpu.toFixed(2),
        perSecond.toFixed(0),
        `${x(ratio)} (low ${x(ratioLow)})`,
      ]),
    ),
  );
}

const client = read("client");
if (client !== undefined) {
  parts.push(
    `## A call through the client\n\n64 in flight to a raw server on the other core; deadline, breaker, validation and ids on. ${client.rounds} paired restarts. ${origin(client)}`,
    table(
      ["client", "CPU µs a call", "calls/s"],
      client.rows.map(({ name, cpu, perSecond }) => [name, cpu.toFixed(1), perSecond.toFixed(0)]),
    ),
    `${x(client.ratio)} of bare \`http.request\` (lower quartile ${x(client.ratioLow)}); wanted >= 0.90x: ${met(client.ratio >= 0.9)}.`,
  );
}

const grpc = read("grpc");
if (grpc !== undefined) {
  const NAMES = {
    raw: "node:http2, by hand",
    ours: "Service Kit",
    everything: "Service Kit, everything on",
    connect: "connect-node",
  };
  const rows = (all) =>
    all.map(({ name, cpu, perSecond, against }) => [
      NAMES[name] ?? name,
      cpu.toFixed(1),
      perSecond.toFixed(0),
      `${x(against.raw.cpu)} (low ${x(against.raw.low)})`,
      `${x(against["grpc-js"].cpu)} (low ${x(against["grpc-js"].low)})`,
    ]);
  const head = (what) => [what, "CPU µs", "a second", "CPU, against by hand", "CPU, against grpc-js"];
  const of = (part, name) => grpc[part].find((row) => row.name === name);
  const goal = (what, wanted, [part, name, base]) => {
    const ratio = of(part, name).against[base].cpu;
    return [what, `>= ${wanted.toFixed(2)}x`, x(ratio), met(ratio >= wanted)];
  };
  parts.push(
    `## gRPC\n\nA sum of two integers; servers under h2load with 4 connections of 16 streams, clients with 64 in flight on one connection to the server by hand, then ${grpc.messages} small messages of one stream. Server and load on a core each, ${grpc.rounds} interleaved restarts. ${origin(grpc)}`,
    table(head("unary server"), rows(grpc.servers)),
    table(head("unary client"), rows(grpc.clients)),
    table(head("server stream, a message"), rows(grpc.streams)),
    `A stream that is open and silent takes ${grpc.memory.rows.map(({ name, kib }) => `${kib.toFixed(1)} KiB (${NAMES[name] ?? name})`).join(", ")} of the server's resident memory, of ${grpc.memory.open} at once.`,
    table(
      ["goal", "wanted", "measured", ""],
      [
        goal("unary server against one by hand", 0.9, ["servers", "ours", "raw"]),
        goal("unary server against grpc-js", 1.5, ["servers", "ours", "grpc-js"]),
        goal("everything on against bare grpc-js", 1.3, ["servers", "everything", "grpc-js"]),
        goal("unary client against grpc-js", 1.8, ["clients", "ours", "grpc-js"]),
        goal("messages of a stream against grpc-js", 1.5, ["streams", "ours", "grpc-js"]),
      ],
    ),
  );
}

// Requesters over a broker or a socket, ours and others, in the same form.
const ROUND_TRIPS = [
  ["nats", "NATS", "Responder on one core, requester and nats-server on the other, 64 in flight."],
  [
    "amqp",
    "AMQP",
    "Responder on one core, requester and RabbitMQ on the other, 64 in flight; the library alone has no deadline, no validation, no ids.",
  ],
  ["thrift", "Thrift", "Server on one core, client on the other, 64 in flight."],
];
for (const [name, title, about] of ROUND_TRIPS) {
  const kept = read(name);
  if (kept === undefined) continue;
  const far = (row) => row.responder ?? row.server;
  parts.push(
    `## ${title}\n\n${about} ${kept.rounds} interleaved restarts. ${origin(kept)}`,
    table(
      ["who", "CPU µs a call, requester", "responder", "round trips/s"],
      kept.rows.map((row) => [row.name, row.cpu.toFixed(1), far(row)?.toFixed(1) ?? "", row.perSecond.toFixed(0)]),
    ),
  );
}

const loading = read("loading");
if (loading !== undefined) {
  const [bare, door, add] = loading.rows;
  parts.push(
    `## Start-up\n\nFrom spawn to the first accepted connection, pinned to one core; memory 400 ms later; medians of ${loading.rounds}. ${origin(loading)}`,
    table(
      ["program", "ms to listening", "CPU ms", "MB idle"],
      loading.rows.map(({ name, ms, cpuMs, mb }) => [name, ms.toFixed(0), cpuMs.toFixed(0), mb.toFixed(1)]),
    ),
    table(
      ["goal", "wanted", "measured", ""],
      [
        [
          "server door over bare node",
          "<= +45 ms, <= +15 MB",
          `+${(door.ms - bare.ms).toFixed(0)} ms, +${(door.mb - bare.mb).toFixed(1)} MB`,
          met(door.ms - bare.ms <= 45 && door.mb - bare.mb <= 15),
        ],
        [
          "the add service with its library",
          "<= 120 ms, <= 65 MB",
          `${add.ms.toFixed(0)} ms, ${add.mb.toFixed(1)} MB`,
          met(add.ms <= 120 && add.mb <= 65),
        ],
      ],
    ),
    "Importing zod alone took 46 ms here (median of 7).",
  );
}

const micro = read("micro");
if (micro !== undefined) {
  parts.push(
    `## Each piece\n\nNanoseconds over the same loop without it; ${micro.methods} methods, results used; lower quartile of ${micro.rounds} rounds of ${micro.calls} calls. ${origin(micro)}`,
    table(
      ["piece", "ns", "median", "wanted", ""],
      micro.rows.map(({ name, goal, ns, median }) => [
        name,
        ns.toFixed(1),
        median.toFixed(1),
        ...(goal === undefined ? ["", ""] : [`<= ${goal}`, met(ns <= goal)]),
      ]),
    ),
  );
}

const stack = read("stack");
if (stack !== undefined) {
  const [, bare, whole] = stack.rows;
  parts.push(
    `## What a client adds\n\nNanoseconds of a call that succeeds, ${stack.methods} methods, ${stack.instances} instances, over a transport that is one asynchronous function; lower quartile of ${stack.rounds} rounds of ${stack.calls} calls. The default stack is deadline, budgeted retry, a breaker for each instance, p2c and outlier ejection, with its readings of the clock; wanted are at most ${stack.goal} ns for it over the same call without: ${(whole.ns - bare.ns).toFixed(0)}, ${met(whole.ns - bare.ns <= stack.goal)}. ${origin(stack)}`,
    table(
      ["call", "ns", "over the function"],
      stack.rows.map(({ name, ns, over }) => [name, ns.toFixed(0), over.toFixed(0)]),
    ),
  );
}

const simulated = read("simulate");
if (simulated !== undefined) {
  parts.push(
    `## The simulator\n\n${simulated.requests} requests to 20 back-ends, median of ${simulated.rounds} runs. ${origin(simulated)}`,
    table(
      ["client", "requests/s"],
      simulated.rows.map(({ name, perSecond }) => [name, perSecond.toFixed(0)]),
    ),
  );
}

const balance = read("balance");
if (balance !== undefined) {
  const of = (title, size) => balance.rows.find((row) => row.title === title && row.size === size);
  const titles = [...new Set(balance.rows.map(({ title }) => title))];
  const sizes = [...new Set(balance.rows.map(({ size }) => size))];
  parts.push(
    `## Choosing an instance\n\nNanoseconds of CPU for a pick, over the same loop without it, and the bytes it leaves for the collector; lower quartile of ${balance.rounds} rounds of ${balance.calls} picks, taking turns. Among ten thousand, what is added is the wait for memory; a ring, a heap and a tree look longer, too. ${origin(balance)}`,
    table(
      ["strategy", ...sizes.map((size) => `${size} instances, ns`), "bytes", "wanted", ""],
      titles.map((title) => {
        const [first] = sizes.map((size) => of(title, size));
        return [
          title,
          ...sizes.map((size) => of(title, size).ns.toFixed(1)),
          first.bytes.toFixed(0),
          ...(first.goal === undefined
            ? ["", ""]
            : [`<= ${first.goal} among ${sizes[0]}`, met(first.ns <= first.goal)]),
        ];
      }),
    ),
    "A change of 100 instances in a list of 10,000, with the pick after it; a ring has 100 places for each instance.",
    table(
      ["strategy", "ms", "wanted", ""],
      balance.updates.map(({ title, ms }) => [title, ms.toFixed(2), "<= 1", met(ms <= 1)]),
    ),
  );
}

const types = read("types");
if (types !== undefined) {
  parts.push(`## Types\n\n${types.text}\n\n${origin(types)}`);
}

writeFileSync(`${here}../docs/figures.md`, `${parts.join("\n\n")}\n`);
console.log(`docs/figures.md: ${parts.length - 1} parts`);
